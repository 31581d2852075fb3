rule sweep:
    input:
        data=lambda wildcards: restored_data(),
        generator=lambda wildcards: (
            [f"<results>/augment/cin_gan/seed{wildcards.seed}"]
            if RUN.sweep.needs_generator
            else []
        ),
        vgg16=lambda wildcards: weights_of(RUN.restore),
    output:
        directory(f"<results>/sweep/{SWEPT.wildcard_pattern}"),
    log:
        f"<logs>/sweep/{SWEPT.wildcard_pattern}.log",
    benchmark:
        f"<benchmarks>/sweep/{SWEPT.wildcard_pattern}.tsv"
    conda:
        method_env
    threads: 1
    resources:
        mem_mb=memory("sweep"),
        runtime=attempts(480),
        gpu=1,
    params:
        config=sweep_settings,
        version=SWEEP_VERSION,
        generator=lambda wildcards, input: options(generator=input.generator),
    shell:
        "exec multiscope sweep --data {input.data:q} {params.generator:q} --method {wildcards.method}"
        " --config {params.config:q} --seed {wildcards.seed}"
        " --part {wildcards.part} --parts {wildcards.parts} --threads {threads} --out {output:q} &> {log:q}"
