using Iba.Engine.Backends.Cuda.Plans;
using Iba.Engine.Tensors;

namespace Iba.Engine.Backends.Cuda;

internal sealed partial class CudaVerbs
{
    /// <summary>bfloat16 applies to convolutions only; a linear layer then computes in TF32.</summary>
    private Precision LinearPrecision => Precision == Precision.BFloat16 ? Precision.TensorFloat32 : Precision;

    /// <inheritdoc/>
    public void Linear(Tensor x, Tensor w, Tensor? bias, bool relu, Tensor y) =>
        RunLinear(Direction.Forward, new Operands(x, w, y, bias), false, relu, y);

    /// <inheritdoc/>
    public void LinearBackwardData(Tensor dy, Tensor w, Accumulator dx) =>
        RunLinear(Direction.BackwardData, new Operands(dx.Tensor, w, dy, null, dx.Adds ? dx.Tensor : null, dx.Gate), dx.Adds, false, dx.Tensor);

    /// <inheritdoc/>
    public void LinearBackwardWeights(Tensor x, Tensor dy, Accumulator dw) =>
        RunLinear(Direction.BackwardWeights, new Operands(x, dw.Tensor, dy, null, dw.Adds ? dw.Tensor : null), dw.Adds, false, dw.Tensor);

    /// <inheritdoc/>
    public void BiasBackward(Tensor dy, Accumulator db)
    {
        _device.Enter(nameof(BiasBackward));
        nint partial = (nint)_scratch.Get(ScratchUse.Partial, Launch.BiasScratch(dy));
        Run(Launch.BiasChunks(dy, partial), db.Tensor);
        Run(Launch.BiasTotal(dy, partial, db), db.Tensor);
    }

    private void RunLinear(Direction direction, in Operands operands, bool adds, bool relu, Tensor written)
    {
        _device.Enter(direction switch
        {
            Direction.Forward => nameof(Linear),
            Direction.BackwardData => nameof(LinearBackwardData),
            _ => nameof(LinearBackwardWeights),
        });
        _products.RunLinear(new ProductUnit(direction, operands.Y.Shape.N, operands.W.Shape.C, operands.W.Shape.N, LinearPrecision)
        {
            Bias = operands.Bias is not null,
            Addend = adds,
            Relu = relu,
            Alignment = AlignmentOf(operands),
        }, operands);
        Written(written);
    }
}
