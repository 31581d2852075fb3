rule crop:
    input:
        data=lambda wildcards: data_folder(RUN.crop.data),
        labels=lambda wildcards: found_labels(RUN.crop.data),
    output:
        directory("<results>/crop/{source}"),
    log:
        "<logs>/crop/{source}.log",
    benchmark:
        "<benchmarks>/crop/{source}.tsv"
    wildcard_constraints:
        source=one_of({"clean", "degraded"} & {*(RUN.crop.sources if RUN.crop else [])}),
    conda:
        "../../envs/multiscope.yaml"
    threads: 1
    resources:
        mem_mb=memory("crop"),
        runtime=attempts(60),
    params:
        config=crop_settings,
        version=CROP_VERSION,
        labels=lambda wildcards, input: options(labels=input.labels),
    shell:
        "exec multiscope crop --data {input.data:q} {params.labels:q} --source {wildcards.source}"
        " --config {params.config:q} --out {output:q} &> {log:q}"


rule crop_restored:
    input:
        data=lambda wildcards: data_folder(RUN.crop.data),
        labels=lambda wildcards: found_labels(RUN.crop.data),
        restored="<results>/restore/{method}/seed{seed}",
    output:
        directory("<results>/crop/restored_{method}/seed{seed}"),
    log:
        "<logs>/crop/restored_{method}/seed{seed}.log",
    benchmark:
        "<benchmarks>/crop_restored/{method}_seed{seed}.tsv"
    conda:
        "../../envs/multiscope.yaml"
    threads: 1
    resources:
        mem_mb=memory("crop_restored"),
        runtime=attempts(60),
    params:
        config=crop_settings,
        version=CROP_VERSION,
        labels=lambda wildcards, input: options(labels=input.labels),
    shell:
        "exec multiscope crop --data {input.data:q} {params.labels:q} --source restored:{wildcards.method}"
        " --restored {input.restored:q}"
        " --config {params.config:q} --out {output:q} &> {log:q}"
