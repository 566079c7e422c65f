using Engine.Tensors;

namespace Engine.Backends.Cuda.Plans;

/// <summary>Matrix products on one device: cuBLASLt's, or the own kernel where it will not.</summary>
internal sealed class Products(Device device, Kernels kernels, Scratch scratch, ProductSession? session) : IDisposable
{
    private readonly Dictionary<ProductUnit, MatrixProduct?> _settled = [];
    private readonly Dictionary<ProductUnit, PlanChoice> _choices = [];

    /// <summary>How factors are rounded to bfloat16.</summary>
    public Rounding Rounding { get; } = new(device, kernels, scratch);

    /// <summary>What was chosen so far, in no order.</summary>
    public IEnumerable<PlanChoice> Choices => _choices.Values;

    /// <summary>Whether cuBLASLt does the unit. Why not is added to the rejections.</summary>
    public bool TrySettle(ProductUnit unit, List<string> rejected)
    {
        if (_settled.TryGetValue(unit, out MatrixProduct? known))
            return known is not null;
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
            }
            catch (CudaException e) when (e is not (DeviceLostException or DeviceMemoryException))
            {
                rejected.Add($"cuBLASLt: {e.Message}");
            }
        }
        _settled[unit] = product;
        return product is not null;
    }

    /// <summary>A linear layer or one of its gradients: x (P, C), w (K, C), y (P, K).</summary>
    public void RunLinear(in ProductUnit unit, in Operands operands)
    {
        if (!_choices.TryGetValue(unit, out PlanChoice? choice))
            _choices[unit] = choice = Choose(unit);
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

    /// <summary>Runs a unit that cuBLASLt does.</summary>
    public void Run(in ProductUnit unit, in Operands operands)
    {
        MatrixProduct product = _settled[unit]!;
        var addresses = new Addresses(At(operands.X), At(operands.W), At(operands.Y), At(operands.Bias), At(operands.Addend), 0, 0);
        if (unit.Precision == Precision.BFloat16)
            addresses = Rounding.Apply(unit.Direction, operands, addresses);
        product.Run(addresses with { Workspace = scratch.Get(ScratchUse.Workspace, product.WorkspaceBytes) });
    }

    public void Dispose()
    {
        foreach (MatrixProduct? product in _settled.Values)
            product?.Dispose();
        _settled.Clear();
    }

    private PlanChoice Choose(ProductUnit unit)
    {
        var rejected = new List<string>();
        return TrySettle(unit, rejected)
            ? new PlanChoice(unit.ToString(), Route.Product, "cuBLASLt's first choice", null, false, _settled[unit]!.WorkspaceBytes, null, rejected)
            : new PlanChoice(unit.ToString(), Route.OwnKernel, "no library does it", null, false, 0, null, rejected);
    }

    private static ulong At(Tensor? tensor) => (ulong)Argument.Address(tensor);
}
