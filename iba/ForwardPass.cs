using Iba.Engine.Backends;
using Iba.Engine.Networks;
using Iba.Engine.Tensors;

namespace Iba;

/// <summary>What a pass of the network made of an image. Methods that start from it need none of their own: <see cref="Sample.Known"/>.</summary>
/// <param name="Logits">The network's output, one per class.</param>
/// <param name="Features">The outputs of some layers, H x W x C elements each, by the layer's full name.</param>
internal sealed record ForwardPass(float[] Logits, IReadOnlyDictionary<string, float[]> Features)
{
    /// <summary>The memory of the features.</summary>
    public long Bytes => Features.Values.Sum(layer => sizeof(float) * (long)layer.Length);

    /// <summary>Runs a network on images one by one.</summary>
    /// <param name="network">The network.</param>
    /// <param name="image">(1, H, W, 3) the shape of an image.</param>
    /// <param name="samples">The images.</param>
    /// <param name="layers">Full names of the layers whose features are kept.</param>
    public static IEnumerable<ForwardPass> Of(Network network, Shape image, IReadOnlyList<Sample> samples, IReadOnlyList<string> layers)
    {
        Sample.Check(samples, image, network.Name);
        using var run = new Inference(network, image, [.. layers]);
        foreach (Sample sample in samples)
            yield return new ForwardPass(run.Run(sample.Pixels), layers.ToDictionary(layer => layer, layer => network.Backend.Read(run[layer])));
    }
}
