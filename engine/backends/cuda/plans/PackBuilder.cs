using Iba.Engine.Backends.Cuda.Native;

namespace Iba.Engine.Backends.Cuda.Plans;

/// <summary>A plan that was built for a unit.</summary>
/// <param name="Key">Its graph.</param>
/// <param name="Plan">The plan.</param>
/// <param name="Seconds">What building it took, on one core.</param>
/// <param name="WorkspaceBytes">Its workspace.</param>
internal sealed record BuiltPlan(string Key, KeptPlan Plan, double Seconds, long WorkspaceBytes);

/// <summary>What was built for a unit.</summary>
/// <param name="Unit">The unit.</param>
/// <param name="Route">Which code will compute it.</param>
/// <param name="Plans">Its plans, the first to try first; none on routes without cuDNN.</param>
/// <param name="Rejected">The engines that were rejected, each with its reason.</param>
internal sealed record BuiltUnit(ConvolutionUnit Unit, Route Route, IReadOnlyList<BuiltPlan> Plans, IReadOnlyList<string> Rejected);

/// <summary>
/// Builds plans for many units without running one, for a GPU that is there or only described: as many as a search on the device would build, by the same
/// ways in the same order. All units' plans are compiled together, on all cores.
/// </summary>
internal sealed class PackBuilder(CudnnSession session, SearchLimits limits)
{
    /// <summary>What is built for each unit, in the units' order.</summary>
    /// <param name="units">The units.</param>
    /// <param name="progress">Called with the number of units that are settled.</param>
    /// <param name="cancel">Ends the work between two rounds of building.</param>
    public IReadOnlyList<BuiltUnit> Build(IReadOnlyList<ConvolutionUnit> units, Action<int> progress, CancellationToken cancel)
    {
        var built = new BuiltUnit?[units.Count];
        var rejected = units.Select(_ => new List<string>()).ToArray();
        IEnumerator<Attempt>[] attempts = [.. units.Index().Select(each => Attempts(each.Item, rejected[each.Index]).GetEnumerator())];
        try
        {
            while (built.Contains(null))
            {
                cancel.ThrowIfCancellationRequested();
                var open = new List<int>();
                for (int i = 0; i < units.Count; i++)
                {
                    if (built[i] is not null)
                        continue;
                    if (attempts[i].MoveNext())
                        open.Add(i);
                    else
                        built[i] = new BuiltUnit(units[i], WithoutCudnn(units[i]), [], rejected[i]);
                }
                (int Unit, Offer Offer, nint Plan)[] pending =
                [
                    .. from i in open
                       from offer in attempts[i].Current.Offers
                       let plan = attempts[i].Current.Graph.TryDescribe(offer)
                       where plan is not null
                       select (i, offer, plan.Value),
                ];
                (string? Fault, double Seconds)[] results = session.Finish([.. pending.Select(each => each.Plan)], limits.Threads);
                foreach (IGrouping<int, int> unit in Enumerable.Range(0, pending.Length).GroupBy(at => pending[at].Unit))
                {
                    List<BuiltPlan> plans = [];
                    foreach (int at in unit)
                    {
                        if (results[at].Fault is { } fault)
                            rejected[unit.Key].Add($"{pending[at].Offer.Choice}: {fault}");
                        else if (Take(attempts[unit.Key].Current.Graph, pending[at].Plan, pending[at].Offer.Choice, results[at].Seconds) is { } plan)
                            plans.Add(plan);
                    }
                    if (plans.Count > 0)
                        built[unit.Key] = new BuiltUnit(units[unit.Key], attempts[unit.Key].Current.Way.Route, plans, rejected[unit.Key]);
                }
                progress(built.Count(unit => unit is not null));
            }
        }
        finally
        {
            foreach (IEnumerator<Attempt> attempt in attempts)
                attempt.Dispose();
        }
        return built!;
    }

    private static Route WithoutCudnn(in ConvolutionUnit unit) =>
        unit is { Geometry.IsPointwise: true, Halves: false } ? Route.Product : Route.OwnKernel;

    private static BuiltPlan? Take(PlanGraph graph, nint descriptor, EngineChoice choice, double seconds)
    {
        using Plan? plan = graph.Take(descriptor, choice);
        return plan is not null && graph.Keep(plan, null) is { } kept ? new BuiltPlan(graph.Key, kept, seconds, plan.WorkspaceBytes) : null;
    }

    /// <summary>The engines to build plans of, a few at a time, until some can be used.</summary>
    private IEnumerable<Attempt> Attempts(ConvolutionUnit unit, List<string> rejected)
    {
        foreach (PlanWay way in PlanWay.Of(unit.Drawn))
        {
            if (Draw(way, rejected) is not { } drawn)
                continue;
            using PlanGraph graph = drawn;
            foreach (cudnnBackendHeurMode mode in PlanGraph.Modes)
            {
                foreach (Offer[] offers in graph.Offers(mode).Chunk(limits.Candidates))
                    yield return new Attempt(way, graph, offers);
            }
            rejected.Add($"{way.Form}: no engine is left");
        }
    }

    private PlanGraph? Draw(PlanWay way, List<string> rejected)
    {
        try
        {
            return new PlanGraph(session, limits, way.Drawn, way.Form, rejected);
        }
        catch (CudnnException e)
        {
            rejected.Add($"{way.Form}: {e.Message}");
            return null;
        }
    }

    private sealed record Attempt(PlanWay Way, PlanGraph Graph, IReadOnlyList<Offer> Offers);
}
