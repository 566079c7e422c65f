using Iba.Engine.Tensors;

namespace Iba.Engine.Backends.Cuda;

internal sealed partial class CudaVerbs
{
    /// <inheritdoc/>
    public void Sum(Tensor x, float factor, Tensor y)
    {
        long between = Launch.SumScratch(x, y);
        if (between == 0)
        {
            Run(Launch.Sum(x, factor, y), y);
            return;
        }
        _device.Enter(nameof(Sum));
        nint partial = (nint)_scratch.Get(ScratchUse.Partial, between);
        Run(Launch.SumChunks(x, partial, y), y);
        Run(Launch.SumTotal(x, partial, factor, y), y);
    }

    /// <inheritdoc/>
    public void SumBackward(Tensor dy, float factor, Accumulator dx) => Run(Launch.SumBackward(dy, factor, dx), dx.Tensor);
}
