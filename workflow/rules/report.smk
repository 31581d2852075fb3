rule report:
    input:
        **results_by_stage(),
    output:
        directory("<results>/report"),
    log:
        "<logs>/report.log",
    benchmark:
        "<benchmarks>/report/all.tsv"
    conda:
        "../../envs/multiscope.yaml"
    threads: 1
    resources:
        mem_mb=attempts(2000),
        runtime=attempts(30),
    params:
        config=lambda wildcards: settings.as_json(RUN),
        version=REPORT_VERSION,
        inputs=lambda wildcards, input: options(
            **{name: input.get(name) for name in results_by_stage()}
        ),
        benchmarks=workflow.pathvars.apply("<benchmarks>"),
    shell:
        "multiscope report {params.inputs:q} --benchmarks {params.benchmarks} --config {params.config:q}"
        " --out {output} &> {log}"
