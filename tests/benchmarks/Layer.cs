using Iba.Engine.Tensors;

namespace Benchmarks;

/// <summary>A layer of a network at the batch of an attribution: ten noise copies of one image.</summary>
/// <param name="Name">Network, kernel and channels.</param>
/// <param name="Times">How often the network's suffix has it, behind ResNet-50's layer2 or VGG-16's conv4_1.</param>
public sealed record Layer(string Name, int Times, int Side, int C, int K, ConvGeometry Geometry)
{
    private const int Batch = 10;

    public Shape X => new(Batch, Side, Side, C);

    public Shape W => new(K, Geometry.Kernel, Geometry.Kernel, C);

    public Shape Y => Geometry.Output(X, K);

    /// <summary>Floating-point operations of one direction, zeros of the padding included, as everybody counts them.</summary>
    public double Flops => 2.0 * Y.Count * W.Row;

    public override string ToString() => Name;

    public static IReadOnlyList<Layer> All { get; } =
    [
        new("r 1x1  512>256 @28", 1, 28, 512, 256, new(1)),
        new("r 3x3  256>256 @28/2", 1, 28, 256, 256, new(3, 2, 1)),
        new("r 1x1  512>1024 @28/2", 1, 28, 512, 1024, new(1, 2)),
        new("r 1x1  256>1024 @14", 6, 14, 256, 1024, new(1)),
        new("r 1x1 1024>256 @14", 5, 14, 1024, 256, new(1)),
        new("r 3x3  256>256 @14", 5, 14, 256, 256, new(3, 1, 1)),
        new("r 1x1 1024>512 @14", 1, 14, 1024, 512, new(1)),
        new("r 3x3  512>512 @14/2", 1, 14, 512, 512, new(3, 2, 1)),
        new("r 1x1 1024>2048 @14/2", 1, 14, 1024, 2048, new(1, 2)),
        new("r 1x1  512>2048 @7", 3, 7, 512, 2048, new(1)),
        new("r 1x1 2048>512 @7", 2, 7, 2048, 512, new(1)),
        new("r 3x3  512>512 @7", 2, 7, 512, 512, new(3, 1, 1)),
        new("v 3x3  512>512 @28", 2, 28, 512, 512, new(3, 1, 1)),
        new("v 3x3  512>512 @14", 3, 14, 512, 512, new(3, 1, 1)),
        new("first 7x7 3>64 @224/2", 0, 224, 3, 64, new(7, 2, 3)),
        new("first 3x3 3>64 @224", 0, 224, 3, 64, new(3, 1, 1)),
        new("early 3x3 64>64 @56", 0, 56, 64, 64, new(3, 1, 1)),
        new("product 1960x256x2304", 0, 14, 2304, 256, new(1)),
    ];
}
