namespace Iba.Engine.Backends.Cuda.Plans;

/// <summary>
/// Times and checks the candidate plans of a unit on its own operands, as the loop runs them: a result that is added to is added to in its place, and
/// what was there is put back after each run. Factors are rounded once, before the first run.
/// </summary>
/// <param name="device">The device.</param>
/// <param name="scratch">Its scratch memory.</param>
/// <param name="check">Compares results with the plain sum; null for no check.</param>
/// <param name="way">What the plans compute.</param>
/// <param name="operands">The unit's tensors.</param>
/// <param name="place">Rounds the factors, and returns the addresses of all tensors with the result in its place.</param>
internal sealed class PlanTrial(Device device, Scratch scratch, SpotCheck? check, PlanWay way, Operands operands, Func<Addresses> place)
{
    /// <summary>So many that their sum is longer than the launch of the first, and short beside the building of a plan.</summary>
    private const int TimedRuns = 10;

    private Addresses? _addresses;
    private Expectation? _expected;
    private KeptAddend? _kept;

    /// <summary>Milliseconds of a run: the mean of ten between two events, after a warm-up run.</summary>
    public float Time(Plan plan)
    {
        using var start = new DeviceEvent(device, timed: true);
        using var end = new DeviceEvent(device, timed: true);
        Addresses addresses = Ready(plan);
        try
        {
            plan.Run(addresses);
            start.Record();
            for (int i = 0; i < TimedRuns; i++)
                plan.Run(addresses);
            end.Record();
            end.Wait();
        }
        finally
        {
            _kept!.Restore();
        }
        return end.Since(start) / TimedRuns;
    }

    /// <summary>Runs a plan once and compares its result with the plain sum; null if nothing is to be checked.</summary>
    public Verdict? Judge(Plan plan)
    {
        if (check is null)
            return null;
        Addresses addresses = Ready(plan);
        _expected ??= check.Expect(way.Drawn, operands);
        ulong result = addresses[way.Drawn.Result];
        bool rounded = way is { Drawn.Halves: true } or { Route: Route.Single, Drawn.Precision: Precision.BFloat16 };
        try
        {
            // Where the addend lies there, elements that a plan fails to write lack its sum.
            if (!_kept!.IsInPlace)
                check.Spoil(result, way.Drawn.ResultCount * (rounded ? sizeof(ushort) : sizeof(float)));
            plan.Run(addresses);
            return check.Hold(_expected, result, rounded);
        }
        finally
        {
            _kept!.Restore();
        }
    }

    private Addresses Ready(Plan plan)
    {
        _kept ??= new KeptAddend(device, scratch, way.Drawn.Addend ? operands.Addend : null, operands.Result(way.Drawn.Direction));
        _addresses ??= place();
        return _addresses.Value with { Workspace = scratch.Get(ScratchUse.Workspace, plan.WorkspaceBytes) };
    }
}
