rule evaluate:
    input:
        embeddings=lambda wildcards: results_by_stage()["embeddings"],
        data=lambda wildcards: data_folder(RUN.localize.data),
        standards=lambda wildcards: standards_files(),
    output:
        directory("<results>/evaluate"),
    log:
        "<logs>/evaluate.log",
    benchmark:
        "<benchmarks>/evaluate/all.tsv"
    conda:
        "../../envs/multiscope.yaml"
    threads: 2
    resources:
        mem_mb=memory("evaluate"),
        runtime=attempts(60),
    params:
        config=section("evaluate"),
        version=EVALUATE_VERSION,
        embeddings=lambda wildcards, input: options(embeddings=input.embeddings),
    shell:
        "exec multiscope evaluate {params.embeddings:q} --data {input.data:q} --config {params.config:q}"
        " --out {output:q} --threads {threads} &> {log:q}"
