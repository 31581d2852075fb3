rule augment:
    input:
        data=lambda wildcards: restored_data(),
        vgg16=lambda wildcards: weights_of(RUN.augment),
        trained=lambda wildcards: extended_generator(),
    output:
        directory("<results>/augment/cin_gan/seed{seed}"),
    log:
        "<logs>/augment/cin_gan/seed{seed}.log",
    benchmark:
        "<benchmarks>/augment/cin_gan_seed{seed}.tsv"
    conda:
        "../../envs/multiscope.yaml"
    threads: 2
    resources:
        mem_mb=memory("augment"),
        runtime=attempts(240),
        gpu=1,
    params:
        # how pairs are mixed concerns the rule `pairs` alone
        config=lambda wildcards: settings.as_json(
            RUN.augment.model_copy(update={"pairs": settings.Pairs()})
        ),
        version=AUGMENT_VERSION,
    shell:
        "exec multiscope augment --data {input.data:q} --config {params.config:q} --seed {wildcards.seed}"
        " --threads {threads} --out {output:q} &> {log:q}"


rule pairs:
    input:
        data=lambda wildcards: restored_data(),
        generator=lambda wildcards: runs_of_generator(wildcards.seed),
        vgg16=lambda wildcards: (
            weights_of(RUN.augment) if RUN.augment.pairs.makers else []
        ),
    output:
        directory("<results>/augment/pairs/seed{seed}"),
    log:
        "<logs>/augment/pairs/seed{seed}.log",
    benchmark:
        "<benchmarks>/pairs/seed{seed}.tsv"
    conda:
        "../../envs/multiscope.yaml"
    threads: 1
    resources:
        mem_mb=memory("pairs"),
        runtime=attempts(60),
        gpu=1,
    params:
        config=pairs_settings,
        version=AUGMENT_VERSION,
        generator=lambda wildcards, input: options(generator=input.generator),
    shell:
        "exec multiscope pairs --data {input.data:q} {params.generator:q} --config {params.config:q} --seed {wildcards.seed}"
        " --threads {threads} --out {output:q} &> {log:q}"
