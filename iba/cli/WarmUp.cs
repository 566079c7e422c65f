using System.Runtime.CompilerServices;
using Iba.Bottleneck;
using Iba.Engine.Backends;
using Iba.Engine.Backends.Cpu;
using Iba.Engine.Networks;
using Iba.Engine.Tensors;
using Iba.Engine.Training;
using Iba.Statistics;

namespace Iba.Cli;

/// <summary>
/// A small attribution on another thread while weights and photo are read: it has .NET compile the kernels and the loop, which the first photo would otherwise
/// wait for (0.3 s). It shares nothing with the run but the compiled code.
/// </summary>
internal static class WarmUp
{
    /// <summary>Begins, where there is something to compile and a core that is free for it.</summary>
    /// <param name="backend">What the run will use.</param>
    public static void Begin(IBackend backend)
    {
        if (backend is CpuBackend && RuntimeFeature.IsDynamicCodeCompiled && Environment.ProcessorCount > 1)
            Task.Run(Explain);
    }

    /// <summary>Explains a grey image by a network of the usual layers, a quarter of the usual channels and two steps.</summary>
    internal static Explanation Explain()
    {
        using var backend = new CpuBackend(threads: 1);
        var image = new Shape(1, 64, 64, 3);
        Network network = ResNet.ResNet50.Build(backend, new FreshParameters(backend, new NetworkWidth(Divisor: 4, Hidden: 1, Classes: 10), seed: 0));
        FeatureOrigin origin = FeatureOrigin.Of(network, network.Architecture!.DefaultLayer, image, "");
        float[] zeros = new float[origin.Shape.Count], ones = [.. zeros.Select(_ => 1f)];
        var statistics = new FeatureStatistics(origin, FeatureStatistics.EnoughSamples, zeros, ones, ones, ones);
        using var method = new PerSampleBottleneck(network, statistics, image, settings: new BottleneckSettings { Steps = 2, Copies = 2 });
        return method.Attribute([new Sample(new float[image.Count])]).Single();
    }
}
