using Iba.Engine.Backends.Cuda;
using Iba.Engine.Backends.Cuda.Native;
using Iba.Engine.Backends.Cuda.Plans;
using Iba.Engine.Tensors;
using Xunit;

namespace Tests.Emulator;

public sealed class PlanSearchTests : IDisposable
{
    private static readonly ConvolutionUnit Unit = new(Direction.Forward, 10, 14, 14, 256, 256, new ConvGeometry(3, 1, 1), Precision.TensorFloat32)
    { Bias = true, Relu = true };

    private readonly FakeDriver _driver = new();
    private readonly FakeCudnn _cudnn = new();
    private readonly TemporaryFolder _folder = new();
    private readonly Device _device;
    private readonly CudnnSession _session;
    private readonly List<string> _rejected = [];

    public PlanSearchTests()
    {
        _device = new Device(_driver.Table(), 0);
        _session = new CudnnSession(_cudnn.Table(), _device);
        _cudnn.Engines.Clear();
    }

    public void Dispose()
    {
        _session.Dispose();
        _device.Dispose();
        _folder.Dispose();
        _cudnn.Dispose();
        _driver.Dispose();
    }

    [Fact]
    public void The_fastest_of_the_first_candidates_is_taken_and_the_others_are_destroyed()
    {
        _cudnn.Engines.AddRange(Enumerable.Range(1, 9).Select(index => new FakeEngine(index)));
        var found = Find(limits: new SearchLimits(Candidates: 4))!.Value;
        Assert.Equal(2, found.Plan.Choice.Index);
        Assert.Equal(0.5f, found.Milliseconds);
        Assert.Contains("fastest of 4", found.Reason);
        Assert.Equal(1, Live(cudnnBackendDescriptorType.CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR));
        found.Plan.Dispose();
        Assert.Equal(0, _cudnn.LiveDescriptors);
        Assert.Empty(_cudnn.Misuse);
    }

    [Theory]
    [InlineData(Precision.Float32, new[] { 0 }, "TF32")]
    [InlineData(Precision.Float32, new[] { 1 }, "rounds its inputs")]
    [InlineData(Precision.TensorFloat32, new[] { 2 }, "less than float32")]
    [InlineData(Precision.BFloat16, new[] { 4 }, "run to run")]
    [InlineData(Precision.TensorFloat32, new[] { 0, 4 }, "run to run")]
    public void Engines_are_skipped_for_their_numerical_notes(Precision precision, int[] notes, string reason)
    {
        _cudnn.Engines.AddRange([new FakeEngine(1) { Notes = notes }, new FakeEngine(2) { Notes = [5] }]);
        var found = Find(Unit with { Precision = precision })!.Value;
        Assert.Equal(2, found.Plan.Choice.Index);
        Assert.Contains(_rejected, line => line.StartsWith("engine 1:", StringComparison.Ordinal) && line.Contains(reason));
        found.Plan.Dispose();
    }

    [Fact]
    public void Engines_with_tensor_cores_are_used_for_tf32_and_nondeterministic_ones_where_allowed()
    {
        _cudnn.Engines.Add(new FakeEngine(1) { Notes = [0, 1, 4] });
        Assert.Null(Find());
        var found = Find(limits: new SearchLimits(Deterministic: false))!.Value;
        Assert.Equal(1, found.Plan.Choice.Index);
        found.Plan.Dispose();
    }

    [Theory]
    [InlineData("CUDNN_ATTR_ENGINECFG_KNOB_CHOICES", false)]
    [InlineData("CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE", false)]
    [InlineData("CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE", false)]
    [InlineData("CUDNN_ATTR_ENGINE_NUMERICAL_NOTE", true)]
    [InlineData("CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE", true)]
    public void An_attribute_that_a_version_does_not_tell_costs_a_name_and_not_the_plan(string name, bool named)
    {
        _cudnn.Untold.Add(Enum.Parse<cudnnBackendAttributeName>(name));
        _cudnn.Engines.Add(new FakeEngine(1) { Knobs = [(3, 5)], Behaviour = [0] });
        Find()!.Value.Plan.Dispose();
        var again = Find()!.Value;
        Assert.Equal((named ? "engine 1 (3 = 5)" : "engine 1", "kept from an earlier run"), (again.Plan.Choice.ToString(), again.Reason));
        again.Plan.Dispose();
        Assert.Equal(0, _cudnn.LiveDescriptors);
    }

    [Fact]
    public void A_plan_with_neither_text_nor_settings_is_used_and_not_kept()
    {
        _cudnn.Untold.Add(cudnnBackendAttributeName.CUDNN_ATTR_ENGINECFG_KNOB_CHOICES);
        _cudnn.Untold.Add(cudnnBackendAttributeName.CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION);
        _cudnn.Engines.Add(new FakeEngine(1));
        Find()!.Value.Plan.Dispose();
        var again = Find()!.Value;
        Assert.Contains("heuristic A", again.Reason);
        again.Plan.Dispose();
    }

    [Fact]
    public void In_float32_an_engine_that_may_use_tensor_cores_unseen_is_skipped()
    {
        _cudnn.Untold.Add(cudnnBackendAttributeName.CUDNN_ATTR_ENGINE_NUMERICAL_NOTE);
        _cudnn.Engines.Add(new FakeEngine(1));
        Assert.Null(Find(Unit with { Precision = Precision.Float32 }));
        Assert.Contains("engine 1: its notes are not told, so it may compute in TF32", _rejected);
    }

    [Fact]
    public void Every_engine_is_tried_before_a_second_configuration_of_one()
    {
        _cudnn.Engines.AddRange([new FakeEngine(5) { Knobs = [(1, 1)] }, new FakeEngine(5) { Knobs = [(1, 2)] }, new FakeEngine(5) { Knobs = [(1, 3)] },
            new FakeEngine(7), new FakeEngine(7) { Knobs = [(1, 4)] }, new FakeEngine(9) { Fails = true }]);
        Find(limits: new SearchLimits(Candidates: 3))!.Value.Plan.Dispose();
        Assert.Equal(["engine 5 (1 = 1): 10.0000 ms", "engine 7: 10.0000 ms", "engine 5 (1 = 2): 10.0000 ms"],
            _rejected.Where(line => line.EndsWith("ms", StringComparison.Ordinal)));
    }

    [Fact]
    public void Plans_that_cannot_be_built_or_need_too_much_memory_are_skipped()
    {
        _cudnn.Engines.AddRange(
            [new FakeEngine(1) { Fails = true }, new FakeEngine(2) { Workspace = 2 << 20 }, new FakeEngine(3) { Workspace = 1 << 20, Behaviour = [0] }]);
        var found = Find(limits: new SearchLimits(WorkspaceBytes: 1 << 20))!.Value;
        Assert.Equal((3, 1L << 20, true), (found.Plan.Choice.Index, found.Plan.WorkspaceBytes, found.Plan.Choice.IsCompiled));
        Assert.Contains("the only one of heuristic A", found.Reason);
        Assert.Contains(_rejected, line => line.Contains("engine 1") && line.Contains("the fake refuses"));
        Assert.Contains(_rejected, line => line.Contains("engine 2: needs 2 MiB of workspace, 1 are allowed"));
        found.Plan.Dispose();
    }

    [Fact]
    public void The_fallback_list_is_asked_when_nothing_else_is_left()
    {
        _cudnn.Engines.AddRange([new FakeEngine(1) { Fails = true }, new FakeEngine(2) { Mode = cudnnBackendHeurMode.CUDNN_HEUR_MODE_FALLBACK }]);
        var found = Find()!.Value;
        Assert.Equal(2, found.Plan.Choice.Index);
        Assert.Contains("the fallback list", found.Reason);
        found.Plan.Dispose();
    }

    [Fact]
    public void No_engine_at_all_is_no_plan_and_a_reason_and_leaves_nothing_behind()
    {
        Assert.Null(Find());
        Assert.Contains("Fused: no engine is left", _rejected);
        Assert.Equal(0, _cudnn.LiveDescriptors);
    }

    [Fact]
    public void A_choice_is_saved_on_disk_and_restored_without_heuristics_and_without_building()
    {
        _cudnn.Engines.AddRange([new FakeEngine(1), new FakeEngine(2) { Behaviour = [0], Knobs = [(3, 5), (22, -1)] }]);
        Find()!.Value.Plan.Dispose();
        (int searches, int built) = (_cudnn.Searches, _cudnn.Built);
        var again = Find()!.Value;
        Assert.Equal(("engine 2 (3 = 5, 22 = -1)", true, "kept from an earlier run"),
            (again.Plan.Choice.ToString(), again.Plan.Choice.IsCompiled, again.Reason));
        Assert.Equal((searches, built, 1), (_cudnn.Searches, _cudnn.Built, _cudnn.Restored));
        again.Plan.Dispose();
        Assert.Equal(0, _cudnn.LiveDescriptors);
        Assert.Empty(_cudnn.Misuse);
    }

    /// <summary>Where cuDNN gives no text of a plan, its engine and settings are kept.</summary>
    [Fact]
    public void A_choice_without_a_text_is_built_again_from_its_engine_and_settings()
    {
        _cudnn.Untold.Add(cudnnBackendAttributeName.CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION);
        _cudnn.Engines.AddRange([new FakeEngine(1), new FakeEngine(2) { Knobs = [(3, 5), (22, -1)] }]);
        Find()!.Value.Plan.Dispose();
        _cudnn.Made.Clear();
        var again = Find()!.Value;
        Assert.Equal((2, "kept from an earlier run"), (again.Plan.Choice.Index, again.Reason));
        Assert.Equal(0, _cudnn.Searches);
        FakeDescriptor[] knobs =
            [.. _cudnn.Made.Where(made => made.Kind == cudnnBackendDescriptorType.CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR && made.Attributes.Count > 0)];
        Assert.Equal([(3, 5L), (22, -1L)], knobs.Select(knob => knob.Knob));
        again.Plan.Dispose();
        Assert.Empty(_cudnn.Misuse);
    }

    /// <summary>Both plans wait for each other, so one after the other they would wait forever.</summary>
    [Fact]
    public void Candidates_are_built_at_the_same_time_and_in_the_devices_context()
    {
        using var meeting = new Barrier(2);
        bool met = true;
        _cudnn.Building = _ => met &= meeting.SignalAndWait(TimeSpan.FromMinutes(2));
        _cudnn.Engines.AddRange([new FakeEngine(1), new FakeEngine(2)]);
        Find(limits: new SearchLimits(Candidates: 2) { Threads = 2 })!.Value.Plan.Dispose();
        Assert.True(met);
        Assert.Single(_driver.HelpingThreads);
        Assert.Empty(_cudnn.Misuse);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(4, 4)]
    [InlineData(16, 9)]
    public void As_many_candidates_are_built_as_asked_for(int candidates, int built)
    {
        _cudnn.Engines.AddRange(Enumerable.Range(1, 9).Select(index => new FakeEngine(index)));
        Find(limits: new PlanOptions { Candidates = candidates }.Limits)!.Value.Plan.Dispose();
        Assert.Equal(built, _cudnn.Built);
        foreach (int wrong in (int[])[0, -1, PlanOptions.MostCandidates + 1])
            Assert.Contains($"{wrong} candidates", Assert.Throws<ArgumentException>(() => new PlanOptions { Candidates = wrong }.Limits).Message);
    }

    [Fact]
    public void A_fast_start_builds_what_needs_no_compilation_and_else_what_there_is()
    {
        var fast = new PlanOptions { FastStart = true }.Limits;
        _cudnn.Engines.AddRange([new FakeEngine(1) { Behaviour = [0] }, new FakeEngine(7), new FakeEngine(2) { Behaviour = [0] }]);
        var found = Find(limits: fast)!.Value;
        Assert.Equal((7, 1), (found.Plan.Choice.Index, _cudnn.Built));
        found.Plan.Dispose();
        _cudnn.Engines.RemoveAt(1);
        found = Find(Unit with { K = 512 }, fast)!.Value;
        Assert.Equal(2, found.Plan.Choice.Index);
        found.Plan.Dispose();
    }

    [Fact]
    public void A_saved_choice_is_used_for_its_own_unit_version_and_device_only()
    {
        _cudnn.Engines.AddRange([new FakeEngine(1), new FakeEngine(2)]);
        Find()!.Value.Plan.Dispose();
        var other = Find(Unit with { K = 512 })!.Value;
        Assert.Contains("heuristic A", other.Reason);
        other.Plan.Dispose();
        _cudnn.Version = 92000;
        using var younger = new CudnnSession(_cudnn.Table(), _device);
        var updated = new PlanSearch(younger, new SearchLimits(), new CacheFolder(_folder[""])).Find(Unit, GraphForm.Fused, _ => 1f, _rejected)!.Value;
        Assert.Contains("heuristic A", updated.Reason);
        updated.Plan.Dispose();
    }

    [Fact]
    public void A_saved_choice_that_no_longer_builds_is_searched_again()
    {
        _cudnn.Engines.AddRange([new FakeEngine(1), new FakeEngine(2)]);
        Find()!.Value.Plan.Dispose();
        _cudnn.Engines.RemoveAt(1);
        var found = Find()!.Value;
        Assert.Equal(1, found.Plan.Choice.Index);
        Assert.Contains(_rejected, line => line.Contains("kept from an earlier run"));
        found.Plan.Dispose();
    }

    [Fact]
    public void Text_that_is_no_choice_is_none()
    {
        var choice = new EngineChoice(12, [(1, 2), (3, -4)]) { Milliseconds = 0.123f, IsCompiled = true, Notes = [0, 5] };
        var kept = new KeptPlan(choice, [1, 2, 0]);
        KeptPlan read = KeptPlan.Parse(kept.Print())!;
        Assert.Equal((choice.Index, true, 0.123f), (read.Choice.Index, read.Choice.IsCompiled, read.Choice.Milliseconds));
        Assert.Equal(choice.Knobs!, read.Choice.Knobs!);
        Assert.Equal(choice.Notes, read.Choice.Notes);
        Assert.Empty(KeptPlan.Parse((kept with { Choice = choice with { Notes = [] } }).Print())!.Choice.Notes!);
        Assert.Null(KeptPlan.Parse((kept with { Choice = choice with { Notes = null } }).Print())!.Choice.Notes);
        Assert.Equal(kept.Json, read.Json);
        foreach (string bad in (string[])["", "engine", "engine x\n", "engine 1\nknob 1\n", "engine 1\ncompiled\ncompiled\n",
            "engine 1\nknob -1 2\n", "engine 1\nnotes x\n", "motor 1\n", "engine 1\nmilliseconds soon\n", "engine 1\nmilliseconds 1\nmilliseconds 1\n",
            "engine 99999999999999999999\n", "engine 1\n" + string.Concat(Enumerable.Repeat("knob 1 1\n", 1000))])
        {
            Assert.Null(KeptPlan.Parse(System.Text.Encoding.UTF8.GetBytes($"{bad}json\n{{}}")));
        }
        Assert.Null(KeptPlan.Parse("engine 1\n"u8));
        Assert.Null(KeptPlan.Parse([0xff, 0xfe, 0x0a]));
    }

    [Fact]
    public void A_plan_runs_with_one_variant_pack_for_an_address_set()
    {
        _cudnn.Engines.Add(new FakeEngine(4) { Workspace = 64 });
        Plan plan = Find()!.Value.Plan;
        var addresses = new Addresses(X: 16, W: 32, Y: 48, Bias: 64, Addend: 0, Gate: 0, Workspace: 80);
        for (int i = 0; i < 3; i++)
            plan.Run(addresses);
        plan.Run(addresses with { Y = 96 });
        Assert.Equal(2, Live(cudnnBackendDescriptorType.CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR));
        Assert.Equal(4, _cudnn.Executed.Count);
        (long engine, long[] ids, ulong[] pointers, ulong workspace) = _cudnn.Executed[0];
        Assert.Equal((4L, 80UL), (engine, workspace));
        Assert.Equal([(2L, 32UL), (1L, 16UL), (4L, 64UL), (3L, 48UL)], ids.Zip(pointers));
        plan.Dispose();
        Assert.Equal(0, _cudnn.LiveDescriptors);
    }

    [Fact]
    public void The_session_runs_on_the_devices_stream_and_ends_with_it()
    {
        Assert.Equal(_device.Stream, _cudnn.Stream);
        _session.Dispose();
        Assert.Equal(0, _cudnn.LiveHandles);
        _cudnn.Creation = cudnnStatus.CUDNN_STATUS_SUBLIBRARY_VERSION_MISMATCH;
        Assert.Contains("cudnnCreate", Assert.Throws<CudnnException>(() => new CudnnSession(_cudnn.Table(), _device)).Message);
    }

    /// <summary>Engine number i takes 1 / i milliseconds, but those above 2 take long.</summary>
    private FoundPlan? Find(ConvolutionUnit? unit = null, SearchLimits? limits = null) =>
        new PlanSearch(_session, limits ?? new SearchLimits(), new CacheFolder(_folder[""]))
            .Find(unit ?? Unit, GraphForm.Fused, plan => plan.Choice.Index > 2 ? 10 : 1f / plan.Choice.Index, _rejected);

    private int Live(cudnnBackendDescriptorType kind) => _cudnn.Made.Count(made => made.Kind == kind && _cudnn.IsLive(made.Handle));
}
