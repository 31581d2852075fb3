# The first user of the workflow: the repository run as it stands. Other workflows import the same module.
if (
    not workflow.overwrite_configfiles
):  # --configfile takes the place of the default, it is not mixed with it

    configfile: "config.yaml"


module multiscope:
    snakefile:
        "workflow/Snakefile"
    config:
        config


use rule * from multiscope
