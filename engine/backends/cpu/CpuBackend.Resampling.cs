using Engine.Tensors;

namespace Engine.Backends.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void Resize(Tensor x, Corners corners, Tensor y) => throw new NotImplementedException();

    /// <inheritdoc/>
    public void ResizeBackward(Tensor dy, Corners corners, Accumulator dx) => throw new NotImplementedException();

    /// <inheritdoc/>
    public void Blur(Tensor x, Tensor taps, Tensor y) => throw new NotImplementedException();

    /// <inheritdoc/>
    public void BlurBackward(Tensor dy, Tensor taps, Accumulator dx) => throw new NotImplementedException();

    /// <inheritdoc/>
    public void CopyChannels(Tensor x, int first, Tensor y) => throw new NotImplementedException();

    /// <inheritdoc/>
    public void CopyChannelsBackward(Tensor dy, int first, Accumulator dx) => throw new NotImplementedException();
}
