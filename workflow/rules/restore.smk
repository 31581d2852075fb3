rule restore:
    input:
        data=lambda wildcards: restored_data(),
        pairs="<results>/augment/pairs/seed{seed}",
        vgg16=lambda wildcards: weights_of(RUN.restore),
    output:
        directory("<results>/restore/{method}/seed{seed}"),
    log:
        "<logs>/restore/{method}/seed{seed}.log",
    benchmark:
        "<benchmarks>/restore/{method}_seed{seed}.tsv"
    conda:
        method_env
    threads: 2
    resources:
        mem_mb=memory("restore"),
        runtime=attempts(240),
        gpu=1,
    params:
        config=method_settings,
        version=RESTORE_VERSION,
    shell:
        "exec multiscope restore --data {input.data:q} --pairs {input.pairs:q} --method {wildcards.method}"
        " --config {params.config:q} --seed {wildcards.seed} --threads {threads} --out {output:q} &> {log:q}"


rule restore_scores:
    input:
        lambda wildcards: scored_runs(),
    output:
        parquet=report(
            "<results>/restore/scores.parquet",
            caption="../report/restore.rst",
            category="restore",
        ),
        csv="<results>/restore/scores.csv",
    log:
        "<logs>/restore/scores.log",
    benchmark:
        "<benchmarks>/restore_scores/all.tsv"
    conda:
        "../../envs/multiscope.yaml"
    threads: 1
    resources:
        mem_mb=memory("restore_scores"),
        runtime=attempts(10),
    params:
        runs=lambda wildcards, input: options(run=input),
        version=RESTORE_VERSION,
    shell:
        "exec multiscope restore-scores {params.runs:q} --out {output.parquet:q} --csv {output.csv:q} &> {log:q}"
