using Engine.Backends;
using Engine.Tensors;

namespace Engine.Networks;

/// <summary>
/// ResNet-50 (He et al. 2016) as torchvision has it: a 7x7 stem, 3 + 4 + 6 + 3 residual blocks, global average pooling, one linear layer.
/// Layers: bn1 (conv1 with its batch norm), relu, maxpool, layer1.0 ... layer4.2, avgpool, fc.
/// </summary>
public static class ResNet50
{
    /// <summary>The architecture's name.</summary>
    public const string Name = "resnet50";

    /// <summary>The paper's bottleneck position, after the last block of conv3_x.</summary>
    public const string DefaultLayer = "layer2";

    private static readonly int[] Blocks = [3, 4, 6, 3];

    /// <summary>Builds the network from wherever its numbers come from; widths are the source's.</summary>
    public static Network Build(IBackend backend, IParameterSource source)
    {
        ParameterPair stem = source.Convolution("conv1", "bn1", 7, 3, 64);
        List<Layer> layers =
        [
            new ConvolutionLayer("bn1", stem, new ConvGeometry(7, 2, 3)),
            new ReluLayer("relu"),
            new MaxPoolLayer("maxpool", new ConvGeometry(3, 2, 1)),
        ];
        int channels = stem.Outputs;
        for (int stage = 0; stage < Blocks.Length; stage++)
        {
            for (int block = 0; block < Blocks[stage]; block++)
            {
                int stride = stage > 0 && block == 0 ? 2 : 1;
                ResidualBlock layer = Block(source, $"layer{stage + 1}.{block}", channels, 64 << stage, stride, hasShortcut: block == 0);
                channels = layer.Expand.Pair.Outputs;
                layers.Add(layer);
            }
        }
        layers.Add(new AveragePoolLayer("avgpool", 1));
        layers.Add(new LinearLayer("fc", source.Linear("fc", new Shape(1, 1, 1, channels), 1000)));
        return new Network(Name, backend, layers);
    }

    private static ResidualBlock Block(IParameterSource source, string name, int channels, int width, int stride, bool hasShortcut)
    {
        ConvolutionLayer reduce = Unit("conv1", "bn1", channels, width, new ConvGeometry(1));
        ConvolutionLayer middle = Unit("conv2", "bn2", reduce.Pair.Outputs, width, new ConvGeometry(3, stride, 1));
        ConvolutionLayer expand = Unit("conv3", "bn3", middle.Pair.Outputs, 4 * width, new ConvGeometry(1));
        ConvolutionLayer? shortcut = hasShortcut ? Unit("downsample.0", "downsample.1", channels, 4 * width, new ConvGeometry(1, stride)) : null;
        return new ResidualBlock(name, reduce, middle, expand, shortcut);

        ConvolutionLayer Unit(string convolution, string norm, int inputs, int outputs, ConvGeometry geometry) => new(
            $"{name}.{norm}", source.Convolution($"{name}.{convolution}", $"{name}.{norm}", geometry.Kernel, inputs, outputs), geometry);
    }
}
