using Iba.Engine.Tensors;

namespace Iba.Engine.Networks;

/// <summary>
/// The residual networks (He et al. 2016; the wide ones: Zagoruyko and Komodakis 2016) as torchvision defines them: a 7x7 stem, four stages
/// of residual blocks, global average pooling, one linear layer.
/// Layers: bn1 (conv1 with its batch norm folded in), relu, maxpool, layer1.0 ... layer4.N, avgpool, fc.
/// </summary>
public static class ResNet
{
    /// <summary>The architectures. The wide ones have twice the channels in the 3x3 convolutions of their blocks.</summary>
    public static IReadOnlyList<Architecture> Family { get; } =
    [
        Basic("resnet18", 2, 2, 2, 2),
        Basic("resnet34", 3, 4, 6, 3),
        Bottleneck("resnet50", 1, 3, 4, 6, 3),
        Bottleneck("resnet101", 1, 3, 4, 23, 3),
        Bottleneck("resnet152", 1, 3, 8, 36, 3),
        Bottleneck("wide_resnet50_2", 2, 3, 4, 6, 3),
        Bottleneck("wide_resnet101_2", 2, 3, 4, 23, 3),
    ];

    /// <summary>The ResNet of the paper.</summary>
    public static Architecture ResNet50 { get; } = Family.Single(architecture => architecture.Name == "resnet50");

    /// <summary>Blocks of two 3x3 convolutions.</summary>
    private static Architecture Basic(string name, params int[] blocks) => Of(name, blocks, expansion: 1, (planes, stride) =>
    [
        (planes, new ConvGeometry(3, stride, 1)),
        (planes, new ConvGeometry(3, 1, 1)),
    ]);

    /// <summary>Blocks of 1x1, 3x3 and 1x1 convolutions. torchvision has the stride in the 3x3 (ResNet "v1.5").</summary>
    private static Architecture Bottleneck(string name, int width, params int[] blocks) => Of(name, blocks, expansion: 4, (planes, stride) =>
    [
        (planes * width, new ConvGeometry(1)),
        (planes * width, new ConvGeometry(3, stride, 1)),
        (planes * 4, new ConvGeometry(1)),
    ]);

    private static Architecture Of(string name, int[] blocks, int expansion, Func<int, int, (int Outputs, ConvGeometry Geometry)[]> branch) => new(
        name, source => Layers(source, blocks, expansion, branch), DefaultLayer: "layer2",
        ReadoutLayers: ["layer1", "layer2", "layer3", "layer4", "fc"], CamLayer: "layer4");

    private static List<Layer> Layers(
        IParameterSource source, int[] blocks, int expansion, Func<int, int, (int Outputs, ConvGeometry Geometry)[]> branch)
    {
        ParameterPair stem = source.Convolution(new ConvolutionSpec("conv1", 7, 3, 64) { Norm = "bn1" });
        List<Layer> layers =
        [
            new ConvolutionLayer("bn1", stem, new ConvGeometry(7, 2, 3)),
            new ReluLayer("relu"),
            new MaxPoolLayer("maxpool", new ConvGeometry(3, 2, 1)),
        ];
        int channels = stem.Outputs;
        for (int stage = 0; stage < blocks.Length; stage++)
        {
            int planes = 64 << stage;
            for (int block = 0; block < blocks[stage]; block++)
            {
                int stride = stage > 0 && block == 0 ? 2 : 1;
                // The first block of a stage changes the shape, except in stage 1 of basic blocks, where neither channels nor rows change.
                bool hasShortcut = block == 0 && (stage > 0 || expansion > 1);
                ResidualBlock layer = Block(
                    source, $"layer{stage + 1}.{block}", channels, branch(planes, stride), hasShortcut ? new ConvGeometry(1, stride) : null);
                channels = layer.Branch[^1].Pair.Outputs;
                layers.Add(layer);
            }
        }
        layers.Add(new AveragePoolLayer("avgpool", 1));
        layers.Add(new LinearLayer("fc", source.Linear("fc", new Shape(1, 1, 1, channels), 1000)));
        return layers;
    }

    private static ResidualBlock Block(
        IParameterSource source, string name, int channels, (int Outputs, ConvGeometry Geometry)[] convolutions, ConvGeometry? shortcut)
    {
        var branch = new List<ConvolutionLayer>();
        int inputs = channels;
        for (int i = 1; i <= convolutions.Length; i++)
        {
            branch.Add(Unit($"conv{i}", $"bn{i}", inputs, convolutions[i - 1].Outputs, convolutions[i - 1].Geometry, endsBranch: i == convolutions.Length));
            inputs = branch[^1].Pair.Outputs;
        }
        return new ResidualBlock(name, branch,
            shortcut is { } geometry ? Unit("downsample.0", "downsample.1", channels, convolutions[^1].Outputs, geometry) : null);

        ConvolutionLayer Unit(string convolution, string norm, int from, int to, ConvGeometry geometry, bool endsBranch = false)
        {
            var wanted = new ConvolutionSpec($"{name}.{convolution}", geometry.Kernel, from, to) { Norm = $"{name}.{norm}", EndsBranch = endsBranch };
            return new ConvolutionLayer($"{name}.{norm}", source.Convolution(wanted), geometry);
        }
    }
}
