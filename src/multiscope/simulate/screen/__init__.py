"""The virtual screen: proteins of planted biology, their cells in fields and crops, and the truth about them."""
