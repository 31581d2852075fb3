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
        mem_mb=memory("report"),
        runtime=attempts(30),
    params:
        # who makes the files that it is read from is no matter of the page
        config=lambda wildcards: settings.as_json(
            RUN.model_copy(update={"made_by_rules": []})
        ),
        version=REPORT_VERSION,
        inputs=lambda wildcards, input: options(
            **{name: input.get(name) for name in results_by_stage()}
        ),
        # moved as outputs are, by pathvars or the prefix of a module
        benchmarks=workflow.modifier.modify_path(
            workflow.pathvars.apply("<benchmarks>")
        ),
    shell:
        "exec multiscope report {params.inputs:q} --benchmarks {params.benchmarks:q} --config {params.config:q}"
        " --out {output:q} &> {log:q}"
