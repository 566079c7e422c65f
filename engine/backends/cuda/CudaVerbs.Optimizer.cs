using Iba.Engine.Tensors;

namespace Iba.Engine.Backends.Cuda;

internal sealed partial class CudaVerbs
{
    /// <inheritdoc/>
    public void Adam(Tensor p, Tensor dp, Tensor m, Tensor v, Tensor step, AdamSettings settings)
    {
        Run(Launch.Adam(p, dp, m, v, step, settings), p);
        Written(m);
        Written(v);
    }

    /// <inheritdoc/>
    public void SgdMomentum(Tensor p, Tensor dp, Tensor velocity, SgdSettings settings)
    {
        Run(Launch.SgdMomentum(p, dp, velocity, settings), p);
        Written(velocity);
    }

    /// <inheritdoc/>
    public void Append(Tensor x, Tensor step, Tensor history) => Run(Launch.Append(x, step, history), history);

    /// <inheritdoc/>
    public void Advance(Tensor step) => Run(Launch.Advance(step), step);
}
