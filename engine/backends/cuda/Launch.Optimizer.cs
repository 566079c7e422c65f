using Iba.Engine.Tensors;

namespace Iba.Engine.Backends.Cuda;

internal readonly partial struct Launch
{
    public static Launch Adam(Tensor p, Tensor dp, Tensor m, Tensor v, Tensor step, AdamSettings settings) =>
        Each("adam", "adam_update_all", p, Argument.Of(settings), p, dp, m, v, step, p.Shape.Count);

    public static Launch SgdMomentum(Tensor p, Tensor dp, Tensor velocity, SgdSettings settings) => Each(
        "sgd", "sgd_update_all", p,
        Argument.Of(new SgdStep((float)settings.Momentum, (float)settings.WeightDecay, (float)-settings.LearningRate)),
        p, dp, velocity, p.Shape.Count);

    /// <summary>As <see cref="IBackend.Append"/>; past the last row nothing is written.</summary>
    public static Launch Append(Tensor x, Tensor step, Tensor history) =>
        Each("adam", "append_row", x, x, step, history, history.Shape.N, x.Shape.Count);

    public static Launch Advance(Tensor step) => new("adam", "advance_step", new Extent(1), Threads(WarpSize), step);

    /// <summary>The struct of the same name in sgd.cu.</summary>
    private readonly record struct SgdStep(float Momentum, float Decay, float Rate);
}
