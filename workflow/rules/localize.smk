rule localize:
    input:
        crops=lambda wildcards: crops_folder(RUN.localize.train_on, wildcards.seed),
    output:
        directory("<results>/localize/{encoder}/seed{seed}"),
    log:
        "<logs>/localize/{encoder}/seed{seed}.log",
    benchmark:
        "<benchmarks>/localize/{encoder}_seed{seed}.tsv"
    conda:
        "../../envs/multiscope.yaml"
    threads: 2
    resources:
        mem_mb=attempts(4000),
        runtime=attempts(240),
        gpu=1,
    params:
        config=training_settings,
        version=LOCALIZE_VERSION,
    shell:
        "multiscope localize --crops {input.crops} --encoder {wildcards.encoder} --config {params.config:q}"
        " --seed {wildcards.seed} --threads {threads} --out {output} &> {log}"
