"""Takes the steps of one of the SDK's YAML tests, as a script of the SDK's own framework.

Runs in the environment of the scripts, with the checkout's reader of YAML tests on its path. User parameters:
`yaml`, `codes` and `definitions` are the paths of the test, of its PICS and of the data model; `values` go in
the place of the test's own; `restart` is the file that has the device restarted.
"""

import logging
import time
from itertools import count
from pathlib import Path

from chip.clusters.Attribute import AttributePath, ValueDecodeFailure
from chip.exceptions import ChipStackError
from chip.testing.matter_testing import MatterBaseTest, async_test_body, default_matter_test_main
from chip.yaml.runner import ReplTestRunner
from matter.idl.generators.filters import to_snake_case
from matter.yamltests.definitions import SpecDefinitionsFromPaths
from matter.yamltests.parser import TestParser, TestParserConfig, TestStep
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

    async def _take(self, runner: ReplTestRunner, step: TestStep) -> None:
        if step.cluster == "SystemCommands" and step.command in {"Reboot", "FactoryReset"}:
            self._restart(step.command)
            return
        try:
            answer = await self._answer(runner, step)
        except ChipStackError as error:  # as a device that does not answer: some steps are about that
            LOG.info("The controller says %s", error)
            answer = {"error": "FAILURE"}
        result = step.post_process_response(answer)
        problems = [entry.message for entry in result.entries if not entry.is_success()]
        asserts.assert_true(result.is_success(), f"{step.label}: {'; '.join(problems)}; answered {answer}")

    async def _answer(self, runner: ReplTestRunner, step: TestStep) -> dict[str, object]:
        if (step.cluster, step.command) == ("AnyCommands", "ReadById"):
            values = {value["name"]: value["value"] for value in step.arguments["values"]}
            path = AttributePath(
                step.endpoint, ClusterId=values["ClusterId"], AttributeId=values["AttributeId"]
            )
            read = await self.default_controller.Read(self.dut_node_id, [path])
            (found,) = read.tlvAttributes[step.endpoint][values["ClusterId"]].values()
            if isinstance(found, ValueDecodeFailure):
                return {"error": to_snake_case(found.Reason.status.name).upper()}
            return {}
        action = runner.encode(step)
        asserts.assert_is_not_none(action, f"the controller has nothing for {step.label}")
        return runner.decode(await runner.execute(action))

    def _restart(self, how: str) -> None:
        """Have the device restarted: whoever runs this takes the file away when that is done."""
        wanted = Path(self.user_params["restart"])
        wanted.write_text(how, encoding="ascii")
        while wanted.exists():
            time.sleep(0.1)
        self.default_controller.ExpireSessions(self.dut_node_id)


if __name__ == "__main__":
    default_matter_test_main()
