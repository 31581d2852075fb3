rule split:
    input:
        # cells are the same in every source, and in those of every seed
        crops=lambda wildcards: crops_folder(RUN.localize.train_on, RUN.seeds[0]),
    output:
        directory("<results>/split/fold{fold}"),
    log:
        "<logs>/split/fold{fold}.log",
    benchmark:
        "<benchmarks>/split/fold{fold}.tsv"
    conda:
        "../../envs/multiscope.yaml"
    threads: 1
    resources:
        mem_mb=memory("split"),
        runtime=attempts(60),
    params:
        config=lambda wildcards: settings.as_json(RUN.localize.split),
        version=SPLIT_VERSION,
    shell:
        "exec multiscope split --crops {input.crops:q} --config {params.config:q} --fold {wildcards.fold}"
        " --out {output:q} &> {log:q}"
