rule data:
    input:
        lambda wildcards: images_of(wildcards.dataset),
    output:
        directory("<results>/data/{dataset}"),
    log:
        "<logs>/data/{dataset}.log",
    benchmark:
        "<benchmarks>/data/{dataset}.tsv"
    conda:
        "../../envs/multiscope.yaml"
    threads: 1
    resources:
        mem_mb=memory("data"),
        runtime=attempts(60),
    params:
        config=lambda wildcards: settings.as_json(RUN.data[wildcards.dataset]),
        version=DATA_VERSION,
    shell:
        "exec multiscope data --dataset {wildcards.dataset} --config {params.config:q} --out {output:q} &> {log:q}"
