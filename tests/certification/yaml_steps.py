"""Takes the steps of one of the SDK's YAML tests, as a script of the SDK's own framework.

Runs in the environment of the scripts, with the checkout's reader of YAML tests on its path. User parameters:
`yaml`, `codes` and `definitions` are the paths of the test, of its PICS and of the data model; `values` go in
the place of the test's own.
"""

import logging
from itertools import count

from chip.testing.matter_testing import MatterBaseTest, async_test_body, default_matter_test_main
from chip.yaml.runner import ReplTestRunner
from matter.yamltests.definitions import SpecDefinitionsFromPaths
from matter.yamltests.parser import TestParser, TestParserConfig
from matter.yamltests.pseudo_clusters.pseudo_clusters import get_default_pseudo_clusters
from mobly import asserts

LOG = logging.getLogger(__name__)
_NO_PROOF = {"DelayCommands", "LogCommands"}
"""Clusters of the test's own that look at nothing."""


class YamlSteps(MatterBaseTest):
    """One method: all steps of the test that apply and need no person."""

    @async_test_body
    async def test_steps(self) -> None:
        """Fail at the first step that the device does not answer as the test says."""
        pseudo_clusters = get_default_pseudo_clusters()
        definitions = SpecDefinitionsFromPaths([f"{self.user_params['definitions']}/*.xml"], pseudo_clusters)
        values = {"nodeId": self.dut_node_id, "endpoint": self.get_endpoint(0), **self.user_params["values"]}
        config = TestParserConfig(self.user_params["codes"], definitions, values)
        test = TestParser(self.user_params["yaml"], config)
        runner = ReplTestRunner(definitions, self.certificate_authority_manager, self.default_controller)
        taken, other, manual = 0, 0, 0
        try:
            for number, step in zip(count(1), test.tests, strict=False):
                if not step.is_pics_enabled:
                    other += 1
                elif pseudo_clusters.is_manual_step(step):
                    manual += 1
                else:
                    self.print_step(number, step.label)
                    await self._take(runner, step)
                    taken += step.cluster not in _NO_PROOF
        finally:
            runner.shutdown()
        remark = f"{taken} step{'' if taken == 1 else 's'}"
        if other:
            remark += f", {other} more do not apply"
        if manual:
            remark += f", {manual} would ask a person"
        LOG.info("Remark: %s", remark)
        if not taken:
            asserts.skip("no step is left that looks at anything")

    async def _take(self, runner: ReplTestRunner, step: object) -> None:
        action = runner.encode(step)
        asserts.assert_is_not_none(action, f"the controller has nothing for {step.label}")
        answer = runner.decode(await runner.execute(action))
        result = step.post_process_response(answer)
        problems = [entry.message for entry in result.entries if not entry.is_success()]
        asserts.assert_true(result.is_success(), f"{step.label}: {'; '.join(problems)}; answered {answer}")


if __name__ == "__main__":
    default_matter_test_main()
