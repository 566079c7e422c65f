using Iba.Engine.Tensors;

namespace Iba.Engine.Backends.Cuda.Plans;

/// <summary>
/// Convolutions on one device. The first call for a unit decides how it is computed from then on, trying in this order: one fused cuDNN
/// graph; a cuDNN graph for the sum alone, with this project's kernels for the rest; cuBLASLt if the convolution is a plain matrix product;
/// this project's kernel.
/// </summary>
internal sealed class Convolutions(
    Device device, Kernels kernels, Scratch scratch, CudnnSession? cudnn, MatrixProducts products, SearchLimits limits, CacheFolder cache)
    : IDisposable
{
    private readonly Dictionary<ConvolutionUnit, Settled> _settled = [];
    private readonly PlanSearch? _search = cudnn is null ? null : new PlanSearch(cudnn, limits, cache);
    private readonly SpotCheck _check = new(device);

    /// <summary>The choices made so far, in no order.</summary>
    public IEnumerable<PlanChoice> Choices => _settled.Values.Select(settled => settled.Choice);

    /// <summary>Files of plans that were passed over, and why.</summary>
    public IReadOnlyList<string> Notes => _search?.Notes ?? [];

    /// <summary>Called for every unit that runs, with its weights and the choice for it.</summary>
    public Action<Tensor, PlanChoice>? Watch { get; set; }

    /// <summary>Computes a unit.</summary>
    public void Run(in ConvolutionUnit unit, in Operands operands)
    {
        if (!_settled.TryGetValue(unit, out Settled? settled))
            _settled[unit] = settled = Settle(unit, operands);
        Watch?.Invoke(operands.W, settled.Choice);
        switch (settled.Choice.Route)
        {
            case Route.Fused:
                Run(settled.Plan!, At(Rounding.Prepare(unit, operands)));
                break;
            case Route.Single:
                RunSingle(settled.Plan!, unit, operands);
                break;
            case Route.Product:
                RunProduct(unit, operands);
                break;
            default:
                RunOwn(unit, unit.Halves ? Rounding.Prepare(unit, operands, turns: false) : operands);
                break;
        }
    }

    public void Dispose()
    {
        foreach (Settled settled in _settled.Values)
            settled.Plan?.Dispose();
        _settled.Clear();
    }

    private Settled Settle(ConvolutionUnit unit, Operands operands)
    {
        device.NotInCapture($"meets a new shape ({unit})");
        var rejected = new List<string>();
        if (_search is null)
        {
            rejected.Add("cuDNN: not there");
        }
        else
        {
            Operands drawn = Rounding.Prepare(unit, operands);
            foreach (PlanWay way in PlanWay.Of(unit.Drawn))
            {
                var trial = new PlanTrial(device, scratch, limits.Checked ? _check : null, way, drawn, () => Place(way, unit, drawn));
                if (_search.Find(way.Drawn, way.Form, trial.Time, rejected, trial.Judge) is { } found)
                    return Chosen(unit, way.Route, found, rejected);
            }
        }
        if (unit is { Geometry.IsPointwise: true, Halves: false }
            && products.TrySettle(Product(unit), Rounding.Prepare(unit, operands, turns: false), rejected, out string? check))
            return new Settled(null,
                new PlanChoice(unit.ToString(), Route.Product, "a 1x1 convolution is a matrix product", null, false, 0, null, rejected, check));
        return new Settled(null, new PlanChoice(unit.ToString(), Route.OwnKernel, "no library does it", null, false, 0, null, rejected));
    }

    private static Settled Chosen(ConvolutionUnit unit, Route route, FoundPlan found, List<string> rejected) =>
        new(found.Plan, new PlanChoice(unit.ToString(), route, found.Reason, found.Plan.Choice.ToString(), found.Plan.Choice.IsCompiled,
            found.Plan.WorkspaceBytes, found.Milliseconds, rejected, found.Check));

    private Rounding Rounding => products.Rounding;

    private static long SumBytes(in ConvolutionUnit unit) => unit.ResultCount * (unit.Precision == Precision.BFloat16 ? sizeof(ushort) : sizeof(float));

    /// <summary>
    /// All addresses: the result's is that of its own tensor, or of scratch memory if this project's kernels go on from there and the tensor has an
    /// earlier term or another type.
    /// </summary>
    private Addresses Place(in PlanWay way, in ConvolutionUnit unit, in Operands drawn) =>
        way.Route == Route.Fused || (!unit.Addend && (unit.Halves || unit.Precision != Precision.BFloat16))
            ? At(drawn)
            : At(drawn).WithResult(unit.Drawn.Direction, scratch.Get(ScratchUse.Result, SumBytes(unit)));

    private void Run(Plan plan, in Addresses addresses) =>
        plan.Run(addresses with { Workspace = scratch.Get(ScratchUse.Workspace, plan.WorkspaceBytes) });

    private void RunSingle(Plan plan, in ConvolutionUnit unit, in Operands operands)
    {
        Addresses addresses = Place(new PlanWay(GraphForm.Single, unit.Plain, Route.Single), unit, Rounding.Prepare(unit, operands));
        Run(plan, addresses);
        var sum = (nint)addresses[unit.Drawn.Result];
        Tensor result = operands.Result(unit.Direction);
        if (unit is { Precision: Precision.BFloat16, Halves: false })
        {
            // A bfloat16 sum is converted to float32 on the way; in the forward direction, before the operations that follow.
            var into = unit.Direction == Direction.Forward ? new Accumulator(result, false) : new Accumulator(result, unit.Addend, operands.Gate);
            kernels.Run(Launch.FromBf16(sum, into));
            if (unit.Direction != Direction.Forward || unit.IsPlain)
                return;
            sum = Argument.Address(result);
        }
        kernels.Run(unit.Direction == Direction.Forward
            ? Launch.Unit(sum, operands.Bias, operands.Addend, unit.Relu, result)
            : Launch.Term(sum, new Accumulator(result, unit.Addend, operands.Gate)));
    }

    private void RunProduct(in ConvolutionUnit unit, in Operands operands)
    {
        products.Run(Product(unit), Rounding.Prepare(unit, operands, turns: false));
        if (operands.Gate is { } gate)
            kernels.Run(Launch.Gate(gate, operands.Result(unit.Direction)));
    }

    private void RunOwn(in ConvolutionUnit unit, in Operands operands) => kernels.Run(unit.Direction switch
    {
        Direction.Forward => Launch.Convolution(operands.X, operands.W, operands.Bias, operands.Addend, unit.Relu, unit.Geometry, operands.Y),
        Direction.BackwardData =>
            Launch.ConvolutionBackwardData(operands.Y, operands.W, unit.Geometry, new Accumulator(operands.X, unit.Addend, operands.Gate)),
        _ => Launch.ConvolutionBackwardWeights(operands.X, operands.Y, unit.Geometry, new Accumulator(operands.W, unit.Addend)),
    });

    private static Addresses At(in Operands operands) => new(
        At(operands.X), At(operands.W), At(operands.Y), At(operands.Bias), At(operands.Addend), At(operands.Gate), 0);

    private static ulong At(Tensor? tensor) => (ulong)Argument.Address(tensor);

    private static ProductUnit Product(in ConvolutionUnit unit) => new(unit.Direction, unit.N * unit.H * unit.W, unit.C, unit.K, unit.Precision)
    {
        Bias = unit.Bias,
        Addend = unit.Addend,
        Relu = unit.Relu,
        Alignment = unit.Alignment,
    };

    private sealed record Settled(Plan? Plan, PlanChoice Choice);
}
