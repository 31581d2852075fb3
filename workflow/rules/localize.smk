rule localize:
    input:
        crops=lambda wildcards: crops_folder(
            train_on(wildcards.encoder), wildcards.seed
        ),
        split=lambda wildcards: split_folder(wildcards.seed),
        trained=lambda wildcards: trained_elsewhere(wildcards.encoder),
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
        mem_mb=memory("localize"),
        runtime=attempts(240),
        gpu=lambda wildcards: int(is_network(wildcards.encoder)),
    params:
        config=training_settings,
        version=LOCALIZE_VERSION,
        launch=launch_training,
        classes=lambda wildcards: options(classes=RUN.localize.classes or []),
    shell:
        "exec {params.launch}multiscope localize --crops {input.crops:q} --split {input.split:q} --encoder {wildcards.encoder}"
        " {params.classes:q} --config {params.config:q} --seed {wildcards.seed} --threads {threads}"
        " --out {output:q} &> {log:q}"
