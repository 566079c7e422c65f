using Iba.Engine.Backends.Cuda;
using Iba.Engine.Backends.Cuda.Plans;
using Iba.Engine.Tensors;

namespace Tests.Emulator;

/// <summary>
/// Every convolution of ResNet-50 and VGG-16 on 224 x 224 images with what follows it, forward and both gradients, at a batch: written down
/// from the papers' tables and not from the project's networks.
/// </summary>
internal static class NetworkUnits
{
    /// <summary>rows and columns, input channels, output channels, kernel, stride, and whether a residual is added.</summary>
    private static readonly (int H, int C, int K, int Kernel, int Stride, bool Residual, bool Relu)[] ResNet50 =
    [
        (224, 3, 64, 7, 2, false, true),
        (56, 64, 64, 1, 1, false, true), (56, 64, 64, 3, 1, false, true), (56, 64, 256, 1, 1, true, true), (56, 64, 256, 1, 1, false, false),
        (56, 256, 64, 1, 1, false, true),
        (56, 256, 128, 1, 1, false, true), (56, 128, 128, 3, 2, false, true), (28, 128, 512, 1, 1, true, true), (56, 256, 512, 1, 2, false, false),
        (28, 512, 128, 1, 1, false, true), (28, 128, 128, 3, 1, false, true),
        (28, 512, 256, 1, 1, false, true), (28, 256, 256, 3, 2, false, true), (14, 256, 1024, 1, 1, true, true), (28, 512, 1024, 1, 2, false, false),
        (14, 1024, 256, 1, 1, false, true), (14, 256, 256, 3, 1, false, true),
        (14, 1024, 512, 1, 1, false, true), (14, 512, 512, 3, 2, false, true), (7, 512, 2048, 1, 1, true, true), (14, 1024, 2048, 1, 2, false, false),
        (7, 2048, 512, 1, 1, false, true), (7, 512, 512, 3, 1, false, true),
        // The shortcuts with a stride again, as they are on every second pixel.
        (28, 256, 512, 1, 1, false, false), (14, 512, 1024, 1, 1, false, false), (7, 1024, 2048, 1, 1, false, false),
    ];

    private static readonly (int H, int C, int K, int Kernel, int Stride, bool Residual, bool Relu)[] Vgg16 =
    [
        (224, 3, 64, 3, 1, false, true), (224, 64, 64, 3, 1, false, true), (112, 64, 128, 3, 1, false, true), (112, 128, 128, 3, 1, false, true),
        (56, 128, 256, 3, 1, false, true), (56, 256, 256, 3, 1, false, true), (28, 256, 512, 3, 1, false, true), (28, 256, 512, 3, 1, false, false),
        (28, 512, 512, 3, 1, false, true), (14, 512, 512, 3, 1, false, true),
    ];

    public const int Batch = 10;

    /// <summary>Every unit at a precision: each layer with and without what follows it.</summary>
    /// <param name="precision">The precision.</param>
    /// <param name="halves">Whether tensors are bfloat16; an image has 8 channels then.</param>
    public static IEnumerable<ConvolutionUnit> At(Precision precision, bool halves = false)
    {
        foreach (var layer in ResNet50.Concat(Vgg16))
        {
            var geometry = new ConvGeometry(layer.Kernel, layer.Stride, layer.Kernel / 2);
            var forward = new ConvolutionUnit(Direction.Forward, Batch, layer.H, layer.H, halves ? Math.Max(layer.C, 8) : layer.C, layer.K, geometry, precision)
            {
                Halves = halves,
            };
            yield return forward;
            yield return forward with { Bias = true, Relu = layer.Relu, Addend = layer.Residual };
            yield return forward with { Bias = true };
            foreach (bool gate in (bool[])[false, true])
            {
                foreach (bool addend in (bool[])[false, true])
                    yield return forward with { Direction = Direction.BackwardData, Gate = gate, Addend = addend };
            }
            yield return forward with { Direction = Direction.BackwardWeights };
            yield return forward with { Direction = Direction.BackwardWeights, Addend = true };
        }
    }
}
