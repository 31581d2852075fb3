rule embed:
    input:
        crops=lambda wildcards: [
            crops_folder(source, wildcards.seed) for source in crop_sources()
        ],
        model="<results>/localize/{encoder}/seed{seed}",
    output:
        directory("<results>/embed/{encoder}/seed{seed}"),
    log:
        "<logs>/embed/{encoder}/seed{seed}.log",
    benchmark:
        "<benchmarks>/embed/{encoder}_seed{seed}.tsv"
    conda:
        "../../envs/multiscope.yaml"
    threads: 2
    resources:
        mem_mb=memory("embed"),
        runtime=attempts(120),
        gpu=lambda wildcards: int(is_network(wildcards.encoder)),
    params:
        config=section("embed"),
        layer=lambda wildcards: options(
            layer=RUN.localize.encoders[wildcards.encoder].layer or []
        ),
        version=EMBED_VERSION,
        launch=launch,
        crops=lambda wildcards, input: options(crops=input.crops),
    shell:
        "exec {params.launch}multiscope embed {params.crops:q} --model {input.model:q} {params.layer:q} --config {params.config:q}"
        " --threads {threads} --out {output:q} &> {log:q}"
