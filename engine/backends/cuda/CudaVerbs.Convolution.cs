using Iba.Engine.Backends.Cuda.Plans;
using Iba.Engine.Tensors;

namespace Iba.Engine.Backends.Cuda;

internal sealed partial class CudaVerbs
{
    /// <summary>The alignment that vector loads and cuDNN's engines require; a view's address may have less.</summary>
    private const int VectorBytes = 16;

    /// <inheritdoc/>
    public void Convolution(Tensor x, Tensor w, Tensor? bias, Tensor? residual, bool relu, ConvGeometry geometry, Tensor y)
    {
        _device.Enter(nameof(Convolution));
        var operands = new Operands(x, w, y, bias, residual);
        _convolutions.Run(Unit(Direction.Forward, operands, geometry) with { Relu = relu }, operands);
        Written(y);
    }

    /// <inheritdoc/>
    public void ConvolutionBackwardData(Tensor dy, Tensor w, ConvGeometry geometry, Accumulator dx)
    {
        _device.Enter(nameof(ConvolutionBackwardData));
        var operands = new Operands(dx.Tensor, w, dy, null, dx.Adds ? dx.Tensor : null, dx.Gate);
        _convolutions.Run(Unit(Direction.BackwardData, operands, geometry), operands);
        Written(dx.Tensor);
    }

    /// <inheritdoc/>
    public void ConvolutionBackwardWeights(Tensor x, Tensor dy, ConvGeometry geometry, Accumulator dw)
    {
        _device.Enter(nameof(ConvolutionBackwardWeights));
        var operands = new Operands(x, dw.Tensor, dy, null, dw.Adds ? dw.Tensor : null);
        _convolutions.Run(Unit(Direction.BackwardWeights, operands, geometry), operands);
        Written(dw.Tensor);
    }

    private ConvolutionUnit Unit(Direction direction, in Operands operands, ConvGeometry geometry) =>
        ConvolutionUnit.Of(direction, operands, geometry, Precision) with { Alignment = AlignmentOf(operands) };

    private static int AlignmentOf(in Operands operands)
    {
        nint all = Argument.Address(operands.X) | Argument.Address(operands.W) | Argument.Address(operands.Y)
            | Argument.Address(operands.Bias) | Argument.Address(operands.Addend) | Argument.Address(operands.Gate);
        return all % VectorBytes == 0 ? VectorBytes : operands.X.Element.Bytes;
    }
}
