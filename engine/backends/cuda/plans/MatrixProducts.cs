using Iba.Engine.Tensors;

namespace Iba.Engine.Backends.Cuda.Plans;

/// <summary>Matrix products on one device: by cuBLASLt, or by this project's kernel for units that it does not support.</summary>
internal sealed class MatrixProducts(Device device, Kernels kernels, Scratch scratch, ProductSession? session, SearchLimits limits) : IDisposable
{
    private readonly Dictionary<ProductUnit, (MatrixProduct? Product, string? Check)> _settled = [];
    private readonly SpotCheck _check = new(device);
    private readonly Dictionary<ProductUnit, PlanChoice> _choices = [];

    /// <summary>Rounds factors to bfloat16, and turns weights.</summary>
    public Rounding Rounding { get; } = new(device, kernels, scratch);

    /// <summary>The choices made so far, in no order.</summary>
    public IEnumerable<PlanChoice> Choices => _choices.Values;

    /// <summary>Called for every linear layer that runs, with its weights and the choice for it.</summary>
    public Action<Tensor, PlanChoice>? Watch { get; set; }

    /// <summary>Whether cuBLASLt computes the unit. If not, the reason is added to the rejections.</summary>
    /// <param name="unit">The unit.</param>
    /// <param name="operands">Its tensors, with which it is tried.</param>
    /// <param name="rejected">Receives the reason if not.</param>
    /// <param name="check">The result of the spot check.</param>
    public bool TrySettle(ProductUnit unit, Operands operands, List<string> rejected, out string? check)
    {
        if (_settled.TryGetValue(unit, out (MatrixProduct? Product, string? Check) known))
        {
            check = known.Check;
            return known.Product is not null;
        }
        check = null;
        device.NotInCapture($"meets a new shape ({unit})");
        MatrixProduct? product = null;
        if (session is null)
        {
            rejected.Add("cuBLASLt: not there");
        }
        else
        {
            try
            {
                product = new MatrixProduct(session, unit);
                Verdict? verdict = limits.Checked ? Judge(product, unit, operands) : null;
                check = verdict?.Words;
                if (verdict is { IsWrong: true })
                {
                    rejected.Add($"cuBLASLt: its numbers are wrong: {check}");
                    product.Dispose();
                    product = null;
                }
            }
            catch (CudaException e) when (e is not DeviceLostException)
            {
                rejected.Add($"cuBLASLt: {e.Message}");
            }
        }
        _settled[unit] = (product, check);
        return product is not null;
    }

    /// <summary>A linear layer or one of its gradients: x (P, C), w (K, C), y (P, K).</summary>
    public void RunLinear(in ProductUnit unit, in Operands operands)
    {
        if (!_choices.TryGetValue(unit, out PlanChoice? choice))
            _choices[unit] = choice = Choose(unit, operands);
        Watch?.Invoke(operands.W, choice);
        if (choice.Route == Route.OwnKernel)
        {
            kernels.Run(unit.Direction switch
            {
                Direction.Forward => Launch.Linear(operands.X, operands.W, operands.Bias, unit.Relu, operands.Y),
                Direction.BackwardData => Launch.LinearBackwardData(operands.Y, operands.W, new Accumulator(operands.X, unit.Addend, operands.Gate)),
                _ => Launch.LinearBackwardWeights(operands.X, operands.Y, new Accumulator(operands.W, unit.Addend)),
            });
            return;
        }
        Run(unit, operands);
        if (operands.Gate is { } gate)
            kernels.Run(Launch.Gate(gate, operands.X));
    }

    /// <summary>Runs a unit that cuBLASLt computes.</summary>
    public void Run(in ProductUnit unit, in Operands operands)
    {
        Run(_settled[unit].Product!, unit, operands);
        if (unit.Relu)
            kernels.Run(Launch.Unit(Argument.Address(operands.Y), null, null, relu: true, operands.Y));
    }

    /// <summary>The product without the unit's ReLU.</summary>
    /// <param name="product">The matrix product to run.</param>
    /// <param name="unit">The unit.</param>
    /// <param name="operands">Its tensors.</param>
    private void Run(MatrixProduct product, in ProductUnit unit, in Operands operands)
    {
        var addresses = new Addresses(At(operands.X), At(operands.W), At(operands.Y), At(operands.Bias), At(operands.Addend), 0, 0);
        product.Run(addresses with { Workspace = scratch.Get(ScratchUse.Workspace, product.WorkspaceBytes) });
    }

    public void Dispose()
    {
        foreach ((MatrixProduct? product, _) in _settled.Values)
            product?.Dispose();
        _settled.Clear();
    }

    /// <summary>Runs a product once, as the loop does, and compares its result with the plain sum.</summary>
    private Verdict Judge(MatrixProduct product, in ProductUnit unit, in Operands operands)
    {
        ConvolutionUnit sum = unit.AsConvolution with { Relu = false };
        Tensor own = operands.Result(unit.Direction);
        using var kept = new KeptAddend(device, scratch, operands.Addend, own);
        Expectation expected = _check.Expect(sum, operands);
        if (!kept.IsInPlace)
            _check.Spoil(At(own), sum.ResultCount * sizeof(float));
        Run(product, unit, operands);
        return _check.Hold(expected, At(own), rounded: false);
    }

    private PlanChoice Choose(ProductUnit unit, Operands operands)
    {
        var rejected = new List<string>();
        return TrySettle(unit, operands, rejected, out string? check)
            ? new PlanChoice(unit.ToString(), Route.Product, "cuBLASLt's first choice", null, false,
                _settled[unit].Product!.WorkspaceBytes, null, rejected, check)
            : new PlanChoice(unit.ToString(), Route.OwnKernel, "no library does it", null, false, 0, null, rejected);
    }

    private static ulong At(Tensor? tensor) => (ulong)Argument.Address(tensor);
}
