using Iba;
using Iba.Engine.Backends.Cpu;
using Iba.Engine.Networks;
using Iba.Explaining;
using Iba.Images;
using Iba.Rendering;
using Iba.Statistics;
using Iba.Weights;

namespace Tests.Explaining;

/// <summary>What explains a photo in milliseconds: a narrow ResNet-50 on one core, over crops of 64 x 64.</summary>
internal static class NarrowExplainer
{
    public static string Weights { get; } = Golden.Path("resnet50-narrow.pth");

    public static ExplainerOptions Options => new()
    {
        Device = () => new CpuBackend(threads: 1),
        Preprocessing = new Preprocessing { Resize = 64, Crop = 64 },
        KeepsMasks = true,
    };

    /// <summary>Writes statistics of four photos.</summary>
    public static string SaveStatistics(string path)
    {
        using var backend = new CpuBackend(threads: 1);
        using StateDict dict = StateDict.Open(Weights);
        Network network = NetworkBuilder.Build(dict, backend);
        var classifier = new Classifier(network) { Preprocessing = Options.Preprocessing!, WeightsSha256 = dict.Sha256() };
        float[][] photos = [.. Enumerable.Range(0, 4).Select(i => classifier.Read(PhotoFile.Open(Png(i), "drawn")).Input.Values)];
        Estimation.Run(network, network.Architecture!.DefaultLayer, classifier.Image, photos, weightsSha256: classifier.WeightsSha256,
            preprocessing: classifier.Preprocessing).Save(path);
        return path;
    }

    /// <summary>A photo of noise.</summary>
    public static byte[] Png(int seed, int width = 70, int height = 66)
    {
        var pixels = new byte[width * height * 3];
        new Random(seed).NextBytes(pixels);
        return PngFile.Encode(pixels, width, height);
    }
}
