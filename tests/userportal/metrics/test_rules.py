"""The recording rules are rules, the portal's, and compute what the portal expects."""

import re
import subprocess

import pytest

from tests.services import CONF, find_program, require_service

RULES = CONF / "portal-prometheus-rules.yml"
EXPECTED = [
    "slurm_job:allocated_core:count",
    "slurm_job:allocated_core:count_user_account",
    "slurm_job:used_core:sum",
    "slurm_job:used_core:sum_user_account",
    "slurm_job:allocated_memory:sum",
    "slurm_job:allocated_memory:sum_user_account",
    "slurm_job:rss_memory:sum",
    "slurm_job:rss_memory:sum_user_account",
    "slurm_job:max_memory:sum_user_account",
    "slurm_job:allocated_gpu:count",
    "slurm_job:allocated_gpu:count_user_account",
    "slurm_job:used_gpu:sum",
    "slurm_job:used_gpu:sum_user_account",
    "slurm_job:non_idle_gpu:sum_user_account",
    "slurm_job:power_gpu:sum",
    "slurm_job:power_gpu:sum_user_account",
    "slurm_job:process_usage:sum_account",
    "lustre:read_bytes:rate3m",
    "lustre:write_bytes:rate3m",
    "lustre:read_bytes:rate3m_user",
    "lustre:write_bytes:rate3m_user",
    "lustre:metadata:rate3m",
    "lustre:metadata:rate3m_user",
]

JOB = 'cluster="abc",slurmjobid="1",user="ann",account="def-ann"'
OTHER = 'cluster="abc",slurmjobid="2",user="bob",account="def-ann"'
GPU = f'{JOB},gpu_type="A100"'
USER = 'cluster="abc",fs="l1",user="ann",account="def-ann"'
SERVER = 'cluster="abc",component="ost"'

INPUTS = {
    f'slurm_job_core_usage_total{{{JOB},core="0"}}': "0+30000000000x20",
    f'slurm_job_core_usage_total{{{JOB},core="1"}}': "0+15000000000x20",
    f'slurm_job_core_usage_total{{{OTHER},core="0"}}': "0+30000000000x20",
    f"slurm_job_memory_limit{{{JOB}}}": "1000x20",
    f"slurm_job_memory_limit{{{OTHER}}}": "500x20",
    f"slurm_job_memory_rss{{{JOB}}}": "300x20",
    f"slurm_job_memory_max{{{JOB}}}": "400x20",
    f'slurm_job_utilization_gpu{{{GPU},gpu="0"}}': "80x20",
    f'slurm_job_utilization_gpu{{{GPU},gpu="1"}}': "0x20",
    f'slurm_job_power_gpu{{{GPU},gpu="0"}}': "300000x20",
    f'slurm_job_process_usage_total{{{JOB},exe="/opt/a/gmx"}}': "0+30x20",
    f'slurm_job_process_usage_total{{{OTHER},exe="/opt/b/gmx"}}': "0+15x20",
    f'slurm_job_process_usage_total{{{JOB},exe="gmx"}}': "0+3x20",
    f'slurm_job_process_usage_total{{{JOB},exe="/bin/idle"}}': "70x20",
    f'lustre_read_bytes_total{{{SERVER},target="l1-OST0000"}}': "0+3000x20",
    f'lustre_read_bytes_total{{{SERVER},target="l1-OST0001"}}': "0+3000x20",
    f'lustre_read_bytes_total{{{SERVER},target="l2-OST0000"}}': "0+300x20",
    'lustre_read_bytes_total{cluster="abc",component="mdt",target="l1-MDT0000"}': "0+9x20",
    f'lustre_job_write_bytes_total{{{USER},component="ost",jobid="1",target="a"}}': "0+600x20",
    f'lustre_job_write_bytes_total{{{USER},component="ost",jobid="2",target="b"}}': "0+600x20",
    'lustre_stats_total{cluster="abc",component="mdt",operation="open",target="l1-MDT0000"}':
        "0+30x20",
    'lustre_stats_total{cluster="abc",component="mdt",operation="open",target="l1-MDT0001"}':
        "0+30x20",
    f'lustre_job_stats_total{{{USER},component="mdt",operation="open"}}': "0+30x20",
    f'lustre_job_stats_total{{{USER},component="mdt",operation="close"}}': "0+60x20",
}  # fmt: skip

ANN = 'account="def-ann",cluster="abc",user="ann"'
BOB = 'account="def-ann",cluster="abc",user="bob"'
RESULTS = {
    "slurm_job:allocated_core:count": {'cluster="abc"': 3},
    "slurm_job:allocated_core:count_user_account": {ANN: 2, BOB: 1},
    "slurm_job:used_core:sum": {'cluster="abc"': 2.5},
    "slurm_job:used_core:sum_user_account": {ANN: 1.5, BOB: 1},
    "slurm_job:allocated_memory:sum": {'cluster="abc"': 1500},
    "slurm_job:allocated_memory:sum_user_account": {ANN: 1000, BOB: 500},
    "slurm_job:rss_memory:sum_user_account": {ANN: 300},
    "slurm_job:max_memory:sum_user_account": {ANN: 400},
    "slurm_job:allocated_gpu:count_user_account": {ANN: 2},
    "slurm_job:used_gpu:sum": {'cluster="abc"': 0.8},
    "slurm_job:used_gpu:sum_user_account": {f'{ANN},gpu_type="A100"': 0.8},
    "slurm_job:non_idle_gpu:sum_user_account": {f'{ANN},gpu_type="A100"': 1},
    "slurm_job:power_gpu:sum": {'cluster="abc",gpu_type="A100"': 300000},
    "slurm_job:process_usage:sum_account": {
        'account="def-ann",bin="gmx",cluster="abc"': 1.6,
    },
    "lustre:read_bytes:rate3m": {'cluster="abc",fs="l1"': 200, 'cluster="abc",fs="l2"': 10},
    "lustre:write_bytes:rate3m_user": {f'{ANN},fs="l1"': 40},
    "lustre:metadata:rate3m": {'cluster="abc",fs="l1",operation="open"': 2},
    "lustre:metadata:rate3m_user": {f'{ANN},fs="l1"': 3},
}


def promtool(*arguments):
    require_service("promtool")
    return subprocess.run(
        [find_program("promtool"), *arguments], check=False, capture_output=True, text=True
    )


def test_prometheus_takes_the_rules():
    done = promtool("check", "rules", str(RULES))
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(EXPECTED)} rules found" in done.stdout


def test_every_rule_is_there_and_none_besides():
    assert sorted(re.findall(r"record: (\S+)", RULES.read_text())) == sorted(EXPECTED)


@pytest.mark.parametrize("name", RESULTS)
def test_a_rule_computes_what_its_name_says(tmp_path, name):
    samples = [f"{name}{{{labels}}}" for labels in RESULTS[name]]
    text = "\n".join(
        [
            f"rule_files: ['{RULES}']",
            "evaluation_interval: 1m",
            "tests:",
            "  - interval: 30s",
            "    input_series:",
            *(f"      - {{series: '{each}', values: '{INPUTS[each]}'}}" for each in INPUTS),
            "    promql_expr_test:",
            f"      - expr: round({name}, 0.000001)",
            "        eval_time: 9m",
            "        exp_samples:",
            *(
                f"          - {{labels: '{{{sample.partition('{')[2]}', value: {value}}}"
                for sample, value in zip(samples, RESULTS[name].values())
            ),
        ]
    )
    path = tmp_path / "test.yml"
    path.write_text(text + "\n")
    done = promtool("test", "rules", str(path))
    assert done.returncode == 0, done.stdout + done.stderr
