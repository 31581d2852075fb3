rule segment:
    input:
        data="<results>/data/{dataset}",
    output:
        directory("<results>/segment/{dataset}"),
    log:
        "<logs>/segment/{dataset}.log",
    benchmark:
        "<benchmarks>/segment/{dataset}.tsv"
    conda:
        segment_env()
    threads: lambda wildcards: 4 if uses_network() else 1
    resources:
        mem_mb=memory("segment"),
        runtime=attempts(240),
        gpu=lambda wildcards: int(uses_network()),
    params:
        config=section("segment"),
        version=SEGMENT_VERSION,
    shell:
        "exec multiscope segment --data {input.data:q} --config {params.config:q} --out {output:q} &> {log:q}"
