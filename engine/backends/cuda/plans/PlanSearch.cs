using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Iba.Engine.Backends.Cuda.Native;
using static Iba.Engine.Backends.Cuda.Native.cudnnBackendAttributeName;
using static Iba.Engine.Backends.Cuda.Native.cudnnBackendAttributeType;
using static Iba.Engine.Backends.Cuda.Native.cudnnBackendDescriptorType;
using static Iba.Engine.Backends.Cuda.Native.cudnnBackendNumericalNote;

namespace Iba.Engine.Backends.Cuda.Plans;

/// <summary>Limits of a search.</summary>
/// <param name="WorkspaceBytes">Upper bound of a plan's workspace.</param>
/// <param name="Candidates">How many plans are built and timed.</param>
/// <param name="Deterministic">Whether every run must give the same bits.</param>
/// <param name="Checked">Whether a plan's result is compared with the plain sum before it is used.</param>
internal sealed record SearchLimits(long WorkspaceBytes = 512L << 20, int Candidates = 6, bool Deterministic = true, bool Checked = true);

/// <summary>The plan that a search found.</summary>
/// <param name="Plan">The plan, owned by the caller.</param>
/// <param name="Milliseconds">Its time, if it was timed.</param>
/// <param name="Reason">Why it was chosen.</param>
/// <param name="Check">The result of its spot check, if there was one.</param>
internal readonly record struct FoundPlan(Plan Plan, float? Milliseconds, string Reason, string? Check);

/// <summary>
/// Finds the plan for a unit: the one cached on disk by an earlier run, else the fastest of the first few usable ones that cuDNN's
/// heuristic A proposes, else the first usable one of its fallback list. Heuristics are off by large factors in some versions, so their
/// first proposal is not taken without timing.
/// </summary>
internal sealed class PlanSearch(CudnnSession session, SearchLimits limits, CacheFolder cache)
{
    private const string Kind = "plans";

    private sealed record Offer(nint Config, EngineChoice Choice, bool IsCompiled);

    /// <summary>Upper bound of an engine's notes.</summary>
    private const int MostNotes = 32;

    private const int MostKnobs = 64;

    /// <param name="unit">What the plan computes.</param>
    /// <param name="form">The graph that represents it.</param>
    /// <param name="time">Runs a plan and returns milliseconds.</param>
    /// <param name="rejected">Receives the reasons why engines were rejected.</param>
    /// <param name="judge">Runs a plan and compares its result with the plain sum; null for no check.</param>
    /// <returns>The plan; null if no engine is usable.</returns>
    /// <exception cref="DeviceMemoryException">Engines are usable, but there is not enough memory for them.</exception>
    public FoundPlan? Find(ConvolutionUnit unit, GraphForm form, Func<Plan, float> time, List<string> rejected, Func<Plan, Verdict?>? judge = null)
    {
        using var descriptors = new Descriptors(session.Cudnn);
        DeviceMemoryException? full = null;
        try
        {
            var drawing = new ConvolutionGraph(descriptors, unit);
            nint graph = form == GraphForm.Single ? drawing.Single(session.Handle) : drawing.Fused(session.Handle, form == GraphForm.FusedBiasFirst);
            string key = Key(unit, form);
            if (Kept(key, descriptors, graph, drawing.Roles, unit, rejected, out float? then) is { } kept)
                return new FoundPlan(kept, then, "kept from an earlier run", null);
            ReadOnlySpan<cudnnBackendHeurMode> modes = [cudnnBackendHeurMode.CUDNN_HEUR_MODE_A, cudnnBackendHeurMode.CUDNN_HEUR_MODE_FALLBACK];
            foreach (cudnnBackendHeurMode mode in modes)
            {
                List<Plan> plans = Candidates(descriptors, graph, drawing.Roles, mode, unit, rejected);
                if (Best(plans, time, judge, rejected, ref full) is not { } best)
                    continue;
                if (best is { Verdict: not { IsFinal: false }, Plan.Choice.Knobs: not null })
                    cache.Write(Kind, File(key), (best.Plan.Choice with { Milliseconds = best.Milliseconds }).Print(key));
                string from = mode == cudnnBackendHeurMode.CUDNN_HEUR_MODE_A ? "heuristic A" : "the fallback list";
                string reason = plans.Count == 1 ? $"the only one of {from} that will do" : $"the fastest of {plans.Count} of {from}";
                return new FoundPlan(best.Plan, best.Milliseconds, reason, best.Verdict?.Words);
            }
            rejected.Add($"{form}: no engine is left");
        }
        catch (CudnnException e)
        {
            rejected.Add($"{form}: {e.Message}");
        }
        // A smaller batch on a fast engine is better than this batch on a slow one.
        return full is null ? null : throw full;
    }

    private List<Plan> Candidates(
        Descriptors descriptors, nint graph, IReadOnlyList<Role> roles, cudnnBackendHeurMode mode, ConvolutionUnit unit, List<string> rejected)
    {
        var plans = new List<Plan>();
        try
        {
            nint heuristic = descriptors.New(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
            descriptors.SetParts(heuristic, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
            descriptors.Set(heuristic, CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, mode);
            descriptors.Finish(heuristic);
            var configs = new nint[descriptors.Count(heuristic, CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR)];
            for (int i = 0; i < configs.Length; i++)
                configs[i] = descriptors.New(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
            int count = descriptors.Get<nint>(heuristic, CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR, configs);
            IEnumerable<Offer> offers = configs.Take(count).Select(config => Look(descriptors, config, unit.Precision, rejected)).OfType<Offer>();
            foreach (Offer offer in Turns(offers))
            {
                if (plans.Count < limits.Candidates && Build(descriptors, offer, roles, rejected) is { } plan)
                    plans.Add(plan);
            }
        }
        catch (CudnnException e)
        {
            rejected.Add($"{mode}: {e.Message}");
        }
        return plans;
    }

    /// <summary>Every engine once, then the second configuration of each, and so on: configurations of one engine differ less than engines do.</summary>
    private static IEnumerable<Offer> Turns(IEnumerable<Offer> offers) => offers.GroupBy(offer => offer.Choice.Index)
        .SelectMany(engine => engine.Index()).OrderBy(each => each.Index).Select(each => each.Item);

    /// <summary>A configured engine with its properties; null if its arithmetic is not acceptable, with the reason in the list.</summary>
    private Offer? Look(Descriptors descriptors, nint config, Precision precision, List<string> rejected)
    {
        try
        {
            nint engine = descriptors.New(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
            descriptors.Get<nint>(config, CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, [engine]);
            var choice = new EngineChoice(
                descriptors.Get<long>(engine, CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64), Told(() => Knobs(descriptors, config)));
            cudnnBackendNumericalNote[]? notes =
                Told(() => Notes<cudnnBackendNumericalNote>(CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE));
            if (Objection(precision, notes) is { } objection)
            {
                rejected.Add($"{choice}: {objection}");
                return null;
            }
            cudnnBackendBehaviorNote[]? behaviour =
                Told(() => Notes<cudnnBackendBehaviorNote>(CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE, CUDNN_TYPE_BEHAVIOR_NOTE));
            return new Offer(config, choice, behaviour?.Contains(cudnnBackendBehaviorNote.CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION) == true);

            T[] Notes<T>(cudnnBackendAttributeName name, cudnnBackendAttributeType type) where T : unmanaged
            {
                var notes = new T[MostNotes];
                return notes[..descriptors.Get<T>(engine, name, type, notes)];
            }
        }
        catch (CudnnException e)
        {
            rejected.Add($"an engine: {e.Message}");
            return null;
        }
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

    /// <summary>Builds the plan of a configured engine; null if it cannot be used, with the reason in the list.</summary>
    private Plan? Build(Descriptors descriptors, Offer offer, IReadOnlyList<Role> roles, List<string> rejected)
    {
        try
        {
            nint plan = descriptors.New(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
            descriptors.Set(plan, CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, session.Handle);
            descriptors.SetParts(plan, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, offer.Config);
            descriptors.Finish(plan);
            long workspace = descriptors.Get<long>(plan, CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64);
            if (workspace > limits.WorkspaceBytes)
            {
                rejected.Add($"{offer.Choice}: needs {workspace >> 20} MiB of workspace, {limits.WorkspaceBytes >> 20} are allowed");
                return null;
            }
            return new Plan(session, descriptors.Take(plan), roles, offer.Choice)
            {
                WorkspaceBytes = Math.Max(workspace, 0),
                IsCompiled = offer.IsCompiled,
            };
        }
        catch (CudnnException e)
        {
            rejected.Add($"{offer.Choice}: {e.Message}");
            return null;
        }
    }

    /// <summary>Why an engine's arithmetic is not acceptable, or null.</summary>
    private string? Objection(Precision precision, cudnnBackendNumericalNote[]? notes)
    {
        if (notes is null)
            return precision == Precision.Float32 ? "its notes are not told, so it may compute in TF32" : null;
        if (limits.Deterministic && notes.Contains(CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC))
            return "its bits differ from run to run";
        if (precision == Precision.BFloat16)
            return null;
        // Tensor cores compute float32 tensors in TF32; rounding further than that is never acceptable.
        if (precision == Precision.Float32 && notes.Contains(CUDNN_NUMERICAL_NOTE_TENSOR_CORE))
            return "it computes in TF32";
        if (precision == Precision.Float32 && notes.Contains(CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS))
            return "it rounds its inputs";
        return notes.Contains(CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION) ? "it sums in less than float32" : null;
    }

    private static (int, long)[] Knobs(Descriptors descriptors, nint config)
    {
        int count = (int)Math.Min(descriptors.Count(config, CUDNN_ATTR_ENGINECFG_KNOB_CHOICES, CUDNN_TYPE_BACKEND_DESCRIPTOR), MostKnobs);
        var choices = new nint[count];
        for (int i = 0; i < count; i++)
            choices[i] = descriptors.New(CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR);
        if (count > 0)
            count = descriptors.Get<nint>(config, CUDNN_ATTR_ENGINECFG_KNOB_CHOICES, CUDNN_TYPE_BACKEND_DESCRIPTOR, choices);
        return [.. choices.Take(count).Select(choice => (
            descriptors.Get<int>(choice, CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE, CUDNN_TYPE_KNOB_TYPE),
            descriptors.Get<long>(choice, CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE, CUDNN_TYPE_INT64)))];
    }

    /// <summary>The fastest plan whose result is correct. The others are destroyed on every path.</summary>
    private static (Plan Plan, float? Milliseconds, Verdict? Verdict)? Best(
        List<Plan> plans, Func<Plan, float> time, Func<Plan, Verdict?>? judge, List<string> rejected, ref DeviceMemoryException? full)
    {
        Plan? best = null;
        try
        {
            var timed = new List<(Plan Plan, float? Milliseconds)>();
            foreach (Plan plan in plans)
            {
                if (Try(plan, () => plans.Count == 1 ? (float?)null : time(plan), rejected, ref full, out float? milliseconds))
                    timed.Add((plan, milliseconds));
                if (milliseconds is { } known)
                    rejected.Add(string.Create(CultureInfo.InvariantCulture, $"{plan.Choice}: {known:F4} ms"));
            }
            foreach ((Plan plan, float? milliseconds) in timed.OrderBy(each => each.Milliseconds))
            {
                if (!Try(plan, () => judge?.Invoke(plan), rejected, ref full, out Verdict? verdict))
                    continue;
                if (verdict is not { IsWrong: true })
                    return (best = plan, milliseconds, verdict);
                rejected.Add($"{plan.Choice}: its numbers are wrong: {verdict.Value.Words}");
            }
            return null;
        }
        finally
        {
            foreach (Plan plan in plans.Where(plan => plan != best))
                plan.Dispose();
        }
    }

    /// <summary>Runs a plan. It is rejected if there is no memory for it, or if its engine fails to run.</summary>
    private static bool Try<T>(Plan plan, Func<T> run, List<string> rejected, ref DeviceMemoryException? full, out T? result)
    {
        result = default;
        try
        {
            result = run();
            return true;
        }
        catch (Exception e) when (e is DeviceMemoryException or CudnnException)
        {
            full ??= e as DeviceMemoryException;
            rejected.Add($"{plan.Choice}: {e.Message}");
            return false;
        }
    }

    /// <summary>The plan that an earlier run chose, rebuilt from its engine and settings without a heuristic.</summary>
    private Plan? Kept(
        string key, Descriptors descriptors, nint graph, IReadOnlyList<Role> roles, ConvolutionUnit unit, List<string> rejected, out float? milliseconds)
    {
        milliseconds = null;
        if (cache.Read(Kind, File(key)) is not { } text || EngineChoice.Parse(key, text) is not { } choice)
            return null;
        milliseconds = choice.Milliseconds;
        try
        {
            nint engine = descriptors.New(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
            descriptors.SetParts(engine, CUDNN_ATTR_ENGINE_OPERATION_GRAPH, graph);
            descriptors.Set(engine, CUDNN_ATTR_ENGINE_GLOBAL_INDEX, choice.Index);
            descriptors.Finish(engine);
            nint[] knobs = [.. choice.Knobs!.Select(each =>
            {
                nint knob = descriptors.New(CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR);
                descriptors.Set(knob, CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE, CUDNN_TYPE_KNOB_TYPE, each.Type);
                descriptors.Set(knob, CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE, each.Value);
                return descriptors.Finish(knob);
            })];
            nint config = descriptors.New(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
            descriptors.SetParts(config, CUDNN_ATTR_ENGINECFG_ENGINE, engine);
            if (knobs.Length > 0)
                descriptors.SetParts(config, CUDNN_ATTR_ENGINECFG_KNOB_CHOICES, knobs);
            return Look(descriptors, descriptors.Finish(config), unit.Precision, rejected) is { } offer
                ? Build(descriptors, offer, roles, rejected)
                : null;
        }
        catch (CudnnException e)
        {
            rejected.Add($"{choice}, kept from an earlier run: {e.Message}");
            return null;
        }
    }

    private string Key(ConvolutionUnit unit, GraphForm form) => string.Create(CultureInfo.InvariantCulture,
        $"{unit}; {form}; cuDNN {session.Version}; {session.Device.Name}; {(limits.Deterministic ? "deterministic" : "any")}; "
        + $"{(limits.Checked ? "checked" : "unchecked")}; {limits.WorkspaceBytes} bytes");

    private static string File(string key) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key))) + ".txt";
}
