using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Tensors;
using Iba.Statistics;

namespace Iba.Bottleneck;

/// <summary>The statistics of each neuron that the bottleneck needs, on a device: (1, H, W, C) each.</summary>
internal sealed class NeuronStatistics : IDisposable
{
    private readonly TensorScope _tensors;

    public NeuronStatistics(IBackend backend, FeatureStatistics statistics, BottleneckSettings settings)
    {
        _tensors = new TensorScope(backend);
        Shape shape = statistics.Origin.Shape;
        bool rms = settings.Spread == Spread.ReluRms;
        Mean = Place(rms ? new float[shape.Count] : statistics.Mean);
        Std = Place([.. (rms ? statistics.Rms : statistics.Std).Select(std => Math.Max(std, settings.MinimumStd))]);
        Active = Place([.. statistics.Nonzero.Select(share => rms || share > settings.ActiveThreshold ? 1f : 0f)]);

        Tensor Place(float[] elements) => _tensors.Upload(elements, shape);
    }

    public Tensor Mean { get; }

    public Tensor Std { get; }

    /// <summary>
    /// 1 for neurons that carry information, 0 for those that are almost always 0. The paper's own code has no such mask.
    /// </summary>
    public Tensor Active { get; }

    public (Value Mean, Value Std, Value Active) On(Tape tape) =>
        (tape.Constant(Mean, "mean"), tape.Constant(Std, "std"), tape.Constant(Active, "active"));

    public void Dispose() => _tensors.Dispose();
}
