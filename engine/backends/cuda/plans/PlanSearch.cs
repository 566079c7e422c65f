using System.Globalization;

namespace Iba.Engine.Backends.Cuda.Plans;

/// <summary>The plan that a search found.</summary>
/// <param name="Plan">The plan, owned by the caller.</param>
/// <param name="Milliseconds">Its time, if it was timed.</param>
/// <param name="Reason">Why it was chosen.</param>
/// <param name="Check">The result of its spot check, if there was one.</param>
internal readonly record struct FoundPlan(Plan Plan, float? Milliseconds, string Reason, string? Check);

/// <summary>
/// Finds the plan for a unit: the one that an earlier run chose, else the fastest of those that were built before, else of the first few usable ones that
/// cuDNN's heuristic A proposes, else of its fallback list. Heuristics are off by large factors in some versions, so their first proposal is not
/// taken without timing.
/// </summary>
/// <exception cref="Files.FileFormatException">The file of plans that the limits name is damaged.</exception>
internal sealed class PlanSearch(CudnnSession session, SearchLimits limits, CacheFolder cache)
{
    private readonly PlanStore _store = new(session, limits, cache);

    /// <summary>Files of plans that were passed over, and why.</summary>
    public IReadOnlyList<string> Notes => _store.Notes;

    /// <param name="unit">What the plan computes.</param>
    /// <param name="form">The graph that represents it.</param>
    /// <param name="time">Runs a plan and returns milliseconds.</param>
    /// <param name="rejected">Receives the reasons why engines were rejected.</param>
    /// <param name="judge">Runs a plan and compares its result with the plain sum; null for no check.</param>
    /// <returns>The plan; null if no engine is usable.</returns>
    /// <exception cref="DeviceMemoryException">Engines are usable, but there is not enough memory for them.</exception>
    public FoundPlan? Find(ConvolutionUnit unit, GraphForm form, Func<Plan, float> time, List<string> rejected, Func<Plan, Verdict?>? judge = null)
    {
        DeviceMemoryException? full = null;
        try
        {
            using var graph = new PlanGraph(session, limits, unit, form, rejected);
            if (_store.Chosen(graph.Key) is { } chosen && graph.Restore(chosen) is { } kept)
                return new FoundPlan(kept, chosen.Choice.Milliseconds, "kept from an earlier run", null);
            foreach ((string source, Func<List<Plan>> build) in Sources(graph, rejected))
            {
                List<Plan> plans = build();
                if (Best(plans, time, judge, rejected, ref full) is not { } best)
                    continue;
                if (best.Verdict is not { IsFinal: false } && graph.Keep(best.Plan, best.Milliseconds) is { } keep)
                    _store.Keep(graph.Key, keep);
                string reason = plans.Count == 1 ? $"the only one of {source} that will do" : $"the fastest of {plans.Count} of {source}";
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

    private IEnumerable<(string Source, Func<List<Plan>> Build)> Sources(PlanGraph graph, List<string> rejected)
    {
        yield return ("the plans built before", () => [.. _store.Built(graph.Key).Take(limits.Candidates).Select(graph.Restore).OfType<Plan>()]);
        yield return ("heuristic A", () => Build(graph, graph.Offers(PlanGraph.Modes[0]), rejected));
        yield return ("the fallback list", () => Build(graph, graph.Offers(PlanGraph.Modes[1]), rejected));
    }

    /// <summary>Builds the first plans that can be built, several at once.</summary>
    private List<Plan> Build(PlanGraph graph, IReadOnlyList<Offer> offers, List<string> rejected)
    {
        var built = new List<Plan>();
        for (int next = 0; next < offers.Count && built.Count < limits.Candidates;)
        {
            Offer[] turn = [.. offers.Skip(next).Take(limits.Candidates - built.Count)];
            next += turn.Length;
            (EngineChoice Choice, nint Plan)[] described =
                [.. from offer in turn let plan = graph.TryDescribe(offer) where plan is not null select (offer.Choice, plan.Value)];
            foreach ((int i, (string? fault, _)) in session.Finish([.. described.Select(each => each.Plan)], limits.Threads).Index())
            {
                if (fault is not null)
                    rejected.Add($"{described[i].Choice}: {fault}");
                else if (graph.Take(described[i].Plan, described[i].Choice) is { } plan)
                    built.Add(plan);
            }
        }
        return built;
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
}
