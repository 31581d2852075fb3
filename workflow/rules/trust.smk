rule trust:
    input:
        data=lambda wildcards: restored_data(),
        restored=lambda wildcards: runs(
            "<results>/restore/{method}/seed{seed}", method=wildcards.method
        ),
    output:
        directory("<results>/trust/{method}"),
    log:
        "<logs>/trust/{method}.log",
    benchmark:
        "<benchmarks>/trust/{method}.tsv"
    conda:
        "../../envs/multiscope.yaml"
    threads: 1
    resources:
        mem_mb=memory("trust"),
        runtime=attempts(60),
    params:
        config=section("trust"),
        version=TRUST_VERSION,
        restored=lambda wildcards, input: options(restored=input.restored),
    shell:
        "exec multiscope trust --data {input.data:q} {params.restored:q} --config {params.config:q}"
        " --out {output:q} &> {log:q}"
