using Iba.Engine.Tensors;

namespace Iba.Engine.Backends.Cuda;

internal sealed partial class CudaVerbs
{
    private Tensor? _halfBlurred;

    /// <inheritdoc/>
    public void Resize(Tensor x, Corners corners, Tensor y) => Run(Launch.Resize(x, corners, y), y);

    /// <inheritdoc/>
    public void ResizeBackward(Tensor dy, Corners corners, Accumulator dx) => Run(Launch.ResizeBackward(dy, corners, dx), dx.Tensor);

    /// <inheritdoc/>
    public void Blur(Tensor x, Tensor taps, Tensor y)
    {
        if (Launch.BlurFits(x.Shape, taps.Shape.Count))
        {
            Run(Launch.Blur(x, taps, y), y);
            return;
        }
        Tensor half = HalfBlurred(x.Shape);
        Run(Launch.BlurAxis(x, taps, 1, half), y);
        Run(Launch.BlurAxis(half, taps, 2, y), y);
    }

    /// <inheritdoc/>
    public void BlurBackward(Tensor dy, Tensor taps, Accumulator dx)
    {
        if (Launch.BlurFits(dy.Shape, taps.Shape.Count))
        {
            Run(Launch.BlurBackward(dy, taps, dx), dx.Tensor);
            return;
        }
        // H first, as in blur.cuh and on the CPU, for the same bits.
        Tensor half = HalfBlurred(dy.Shape);
        Run(Launch.BlurAxisBackward(dy, taps, 1, new Accumulator(half, false)), dx.Tensor);
        Run(Launch.BlurAxisBackward(half, taps, 2, dx), dx.Tensor);
    }

    /// <summary>The intermediate result of a blur that is too wide for shared memory, between its two axes.</summary>
    private Tensor HalfBlurred(Shape shape)
    {
        _device.Enter(nameof(Blur));
        ulong address = _scratch.Get(ScratchUse.Result, (long)shape.Count * sizeof(float));
        if (_halfBlurred is null || _halfBlurred.Shape != shape || (ulong)Argument.Address(_halfBlurred) != address)
            _halfBlurred = new Tensor(shape, new Loan((nint)address, shape.Count));
        return _halfBlurred;
    }
}
