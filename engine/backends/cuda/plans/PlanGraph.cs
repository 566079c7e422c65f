using Iba.Engine.Backends.Cuda.Native;
using Iba.Engine.Files;
using static Iba.Engine.Backends.Cuda.Native.cudnnBackendAttributeName;
using static Iba.Engine.Backends.Cuda.Native.cudnnBackendAttributeType;
using static Iba.Engine.Backends.Cuda.Native.cudnnBackendDescriptorType;
using static Iba.Engine.Backends.Cuda.Native.cudnnBackendNumericalNote;

namespace Iba.Engine.Backends.Cuda.Plans;

/// <summary>A configured engine that cuDNN offers for a graph.</summary>
/// <param name="Config">Its configuration.</param>
/// <param name="Choice">Its index, settings and kind.</param>
internal readonly record struct Offer(nint Config, EngineChoice Choice);

/// <summary>
/// A unit drawn as a graph in one way, the engines that cuDNN offers for it, and their plans: described here, finalized by
/// <see cref="CudnnSession.Finish"/>. The GPU may be there or only described; the calls differ in one attribute each.
/// </summary>
internal sealed class PlanGraph : IDisposable
{
    /// <summary>Upper bound of an engine's notes.</summary>
    private const int MostNotes = 32;

    private const int MostKnobs = 64;

    private const int KeyDigits = 32;

    /// <summary>The heuristics in the order in which they are asked.</summary>
    public static readonly cudnnBackendHeurMode[] Modes = [cudnnBackendHeurMode.CUDNN_HEUR_MODE_A, cudnnBackendHeurMode.CUDNN_HEUR_MODE_FALLBACK];

    private readonly CudnnSession _session;
    private readonly SearchLimits _limits;
    private readonly Descriptors _descriptors;
    private readonly Precision _precision;
    private readonly List<string> _rejected;
    private readonly List<Role> _roles;
    private readonly nint _graph;

    /// <param name="session">cuDNN.</param>
    /// <param name="limits">Which engines are acceptable.</param>
    /// <param name="unit">What the graph computes.</param>
    /// <param name="form">How it is drawn.</param>
    /// <param name="rejected">Receives the reasons why engines are rejected.</param>
    /// <exception cref="CudnnException">cuDNN refuses the graph.</exception>
    public PlanGraph(CudnnSession session, SearchLimits limits, ConvolutionUnit unit, GraphForm form, List<string> rejected)
    {
        (_session, _limits, _precision, _rejected) = (session, limits, unit.Precision, rejected);
        using var record = new Sha256Hash();
        _descriptors = new Descriptors(session.Cudnn, record);
        try
        {
            var drawing = new ConvolutionGraph(_descriptors, unit);
            _graph = form == GraphForm.Single ? drawing.Single(session.Handle) : drawing.Fused(session.Handle, form == GraphForm.FusedBiasFirst);
            _roles = drawing.Roles;
            Key = $"{unit}; {form}; graph {Convert.ToHexStringLower(record.Take())[..KeyDigits]}";
            _descriptors.StopRecording();
        }
        catch
        {
            _descriptors.Dispose();
            throw;
        }
    }

    /// <summary>What identifies the graph in every process: the unit in words, and a hash of all that was drawn.</summary>
    public string Key { get; }

    /// <summary>
    /// The acceptable engines of a heuristic: each once, then the second configuration of each, and so on, because configurations of one engine differ
    /// less than engines do. For a fast start, those that need no compilation, if there are any.
    /// </summary>
    public IReadOnlyList<Offer> Offers(cudnnBackendHeurMode mode)
    {
        try
        {
            nint heuristic = _descriptors.New(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
            _descriptors.SetParts(heuristic, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, _graph);
            _descriptors.Set(heuristic, CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, mode);
            SetProperties(heuristic, CUDNN_ATTR_ENGINEHEUR_DEVICEPROP);
            _descriptors.Finish(heuristic);
            var configs = new nint[_descriptors.Count(heuristic, CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR)];
            for (int i = 0; i < configs.Length; i++)
                configs[i] = _descriptors.New(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
            int count = configs.Length == 0
                ? 0 : _descriptors.Get<nint>(heuristic, CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR, configs);
            Offer[] offers = [.. configs.Take(count).Select(Look).OfType<Offer>().GroupBy(offer => offer.Choice.Index)
                .SelectMany(engine => engine.Index()).OrderBy(each => each.Index).Select(each => each.Item)];
            Offer[] ready = [.. offers.Where(offer => !offer.Choice.IsCompiled)];
            return _limits.FastStart && ready.Length > 0 ? ready : offers;
        }
        catch (CudnnException e)
        {
            _rejected.Add($"{mode}: {e.Message}");
            return [];
        }
    }

    /// <summary>Describes the plan of an engine; null, with the reason in the list, if cuDNN refuses it.</summary>
    public nint? TryDescribe(Offer offer)
    {
        try
        {
            return Describe(offer);
        }
        catch (CudnnException e)
        {
            _rejected.Add($"{offer.Choice}: {e.Message}");
            return null;
        }
    }

    private nint Describe(Offer offer)
    {
        nint plan = _descriptors.New(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
        if (_session.Handle != 0)
            SetDevice(plan);
        _descriptors.SetParts(plan, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, offer.Config);
        if (_session.Handle == 0)
            SetDevice(plan);
        return plan;
    }

    /// <summary>Restores a kept plan: from its text, which takes milliseconds, else from its engine and settings; null if cuDNN refuses both.</summary>
    public Plan? Restore(KeptPlan kept)
    {
        if (Objection(kept.Choice.Notes) is { } objection)
        {
            _rejected.Add($"{kept.Choice}, kept from an earlier run: {objection}");
            return null;
        }
        try
        {
            if (kept.Json.Length > 0)
            {
                nint plan = _descriptors.New(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
                SetDevice(plan);
                _descriptors.SetText(plan, CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION, kept.Json);
                return Take(_descriptors.Finish(plan), kept.Choice);
            }
        }
        catch (CudnnException e)
        {
            _rejected.Add($"{kept.Choice}, kept from an earlier run: {e.Message}");
        }
        try
        {
            return kept.Choice.Knobs is null || Look(Config(kept.Choice)) is not { } offer ? null : Take(_descriptors.Finish(Describe(offer)), offer.Choice);
        }
        catch (CudnnException e)
        {
            _rejected.Add($"{kept.Choice}, kept from an earlier run: {e.Message}");
            return null;
        }
    }

    /// <summary>
    /// A finalized plan, owned by the caller; null, with the reason in the list, if it needs too much memory or cuDNN does not say how much.
    /// </summary>
    public Plan? Take(nint plan, EngineChoice choice)
    {
        long workspace;
        try
        {
            workspace = Math.Max(_descriptors.Get<long>(plan, CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64), 0);
        }
        catch (CudnnException e)
        {
            _rejected.Add($"{choice}: {e.Message}");
            return null;
        }
        if (workspace <= _limits.WorkspaceBytes)
            return new Plan(_session, _descriptors.Take(plan), _roles, choice) { WorkspaceBytes = workspace };
        _rejected.Add($"{choice}: needs {workspace >> 20} MiB of workspace, {_limits.WorkspaceBytes >> 20} are allowed");
        return null;
    }

    /// <summary>A plan with cuDNN's text of it; null if there is neither a text nor settings to rebuild it from.</summary>
    public KeptPlan? Keep(Plan plan, float? milliseconds)
    {
        byte[] json = Told(() => _descriptors.Text(plan.Descriptor, CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION)) ?? [];
        return json.Length == 0 && plan.Choice.Knobs is null ? null : new KeptPlan(plan.Choice with { Milliseconds = milliseconds }, json);
    }

    public void Dispose() => _descriptors.Dispose();

    private void SetDevice(nint plan)
    {
        if (_session.Handle != 0)
            _descriptors.Set(plan, CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, _session.Handle);
        SetProperties(plan, CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP);
    }

    private void SetProperties(nint descriptor, cudnnBackendAttributeName name)
    {
        if (_session.Properties != 0)
            _descriptors.SetParts(descriptor, name, _session.Properties);
    }

    /// <summary>The configuration of an engine by its index and settings, without a heuristic.</summary>
    private nint Config(EngineChoice choice)
    {
        nint engine = _descriptors.New(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
        _descriptors.SetParts(engine, CUDNN_ATTR_ENGINE_OPERATION_GRAPH, _graph);
        _descriptors.Set(engine, CUDNN_ATTR_ENGINE_GLOBAL_INDEX, choice.Index);
        SetProperties(engine, CUDNN_ATTR_ENGINE_DEVICEPROP);
        _descriptors.Finish(engine);
        nint[] knobs = [.. choice.Knobs!.Select(each =>
        {
            nint knob = _descriptors.New(CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR);
            _descriptors.Set(knob, CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE, CUDNN_TYPE_KNOB_TYPE, each.Type);
            _descriptors.Set(knob, CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE, each.Value);
            return _descriptors.Finish(knob);
        })];
        nint config = _descriptors.New(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
        _descriptors.SetParts(config, CUDNN_ATTR_ENGINECFG_ENGINE, engine);
        if (knobs.Length > 0)
            _descriptors.SetParts(config, CUDNN_ATTR_ENGINECFG_KNOB_CHOICES, knobs);
        return _descriptors.Finish(config);
    }

    /// <summary>A configured engine with its properties; null if its arithmetic is not acceptable, with the reason in the list.</summary>
    private Offer? Look(nint config)
    {
        try
        {
            nint engine = _descriptors.New(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
            _descriptors.Get<nint>(config, CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, [engine]);
            cudnnBackendBehaviorNote[]? behaviour =
                Told(() => Notes<cudnnBackendBehaviorNote>(engine, CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE, CUDNN_TYPE_BEHAVIOR_NOTE));
            cudnnBackendNumericalNote[]? notes =
                Told(() => Notes<cudnnBackendNumericalNote>(engine, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE));
            var choice = new EngineChoice(_descriptors.Get<long>(engine, CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64), Told(() => Knobs(config)))
            {
                IsCompiled = behaviour?.Contains(cudnnBackendBehaviorNote.CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION) == true,
                Notes = notes is null ? null : [.. notes.Select(note => (int)note)],
            };
            if (Objection(choice.Notes) is not { } objection)
                return new Offer(config, choice);
            _rejected.Add($"{choice}: {objection}");
            return null;
        }
        catch (CudnnException e)
        {
            _rejected.Add($"an engine: {e.Message}");
            return null;
        }
    }

    private T[] Notes<T>(nint engine, cudnnBackendAttributeName name, cudnnBackendAttributeType type) where T : unmanaged
    {
        var notes = new T[MostNotes];
        return notes[.._descriptors.Get<T>(engine, name, type, notes)];
    }

    private (int, long)[] Knobs(nint config)
    {
        int count = (int)Math.Min(_descriptors.Count(config, CUDNN_ATTR_ENGINECFG_KNOB_CHOICES, CUDNN_TYPE_BACKEND_DESCRIPTOR), MostKnobs);
        var choices = new nint[count];
        for (int i = 0; i < count; i++)
            choices[i] = _descriptors.New(CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR);
        if (count > 0)
            count = _descriptors.Get<nint>(config, CUDNN_ATTR_ENGINECFG_KNOB_CHOICES, CUDNN_TYPE_BACKEND_DESCRIPTOR, choices);
        return [.. choices.Take(count).Select(choice => (
            _descriptors.Get<int>(choice, CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE, CUDNN_TYPE_KNOB_TYPE),
            _descriptors.Get<long>(choice, CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE, CUDNN_TYPE_INT64)))];
    }

    /// <summary>What an attribute tells; null if this version of cuDNN refuses to tell it, which costs a name and not the plan.</summary>
    private static T[]? Told<T>(Func<T[]> ask)
    {
        try
        {
            return ask();
        }
        catch (CudnnException)
        {
            return null;
        }
    }

    /// <summary>Why an engine's arithmetic is not acceptable, or null.</summary>
    private string? Objection(IReadOnlyList<int>? notes)
    {
        if (notes is null)
            return _precision == Precision.Float32 ? "its notes are not told, so it may compute in TF32" : null;
        if (_limits.Deterministic && notes.Contains((int)CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC))
            return "its bits differ from run to run";
        if (_precision == Precision.BFloat16)
            return null;
        // Tensor cores compute float32 tensors in TF32; rounding further than that is never acceptable.
        if (_precision == Precision.Float32 && notes.Contains((int)CUDNN_NUMERICAL_NOTE_TENSOR_CORE))
            return "it computes in TF32";
        if (_precision == Precision.Float32 && notes.Contains((int)CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS))
            return "it rounds its inputs";
        return notes.Contains((int)CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION) ? "it sums in less than float32" : null;
    }
}
