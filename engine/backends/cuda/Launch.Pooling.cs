using Iba.Engine.Tensors;

namespace Iba.Engine.Backends.Cuda;

internal readonly partial struct Launch
{
    public static Launch MaxPool(Tensor x, ConvGeometry geometry, Tensor y) =>
        new("max_pool", IsHalf(x) ? "max_pool_forward_bf16" : "max_pool_forward", PixelQuads(y), Threads(256),
            x, y, x.Shape.N, x.Shape.H, x.Shape.W, x.Shape.C, y.Shape.H, y.Shape.W, Window(geometry));

    public static Launch MaxPoolBackward(Tensor x, Tensor y, Tensor dy, ConvGeometry geometry, Accumulator dx) =>
        new("max_pool", IsHalf(x) ? "max_pool_backward_bf16" : "max_pool_backward", PixelQuads(x), Threads(256),
            x, y, dy, dx.Tensor, x.Shape.N, x.Shape.H, x.Shape.W, x.Shape.C, y.Shape.H, y.Shape.W, Window(geometry), dx.Adds);

    public static Launch AdaptiveAveragePool(Tensor x, Tensor y) =>
        new("average_pool", IsHalf(x) ? "average_pool_forward_bf16" : "average_pool_forward", PixelQuads(y, 64), Threads(64),
            x, y, x.Shape.N, x.Shape.H, x.Shape.W, x.Shape.C, y.Shape.H, y.Shape.W);

    public static Launch AdaptiveAveragePoolBackward(Tensor dy, Accumulator dx)
    {
        Shape x = dx.Tensor.Shape;
        return new("average_pool", IsHalf(dx.Tensor) ? "average_pool_backward_bf16" : "average_pool_backward", PixelQuads(dx.Tensor), Threads(256),
            dy, dx.Tensor, x.N, x.H, x.W, x.C, dy.Shape.H, dy.Shape.W, dx.Adds, Argument.Address(dx.Gate));
    }

    public static Launch Subsample(Tensor x, int stride, Tensor y) =>
        new("subsample", IsHalf(x) ? "subsample_forward_bf16" : "subsample_forward", PixelQuads(y), Threads(256),
            x, y, x.Shape.N, x.Shape.H, x.Shape.W, x.Shape.C, y.Shape.H, y.Shape.W, stride);

    public static Launch SubsampleBackward(Tensor dy, int stride, Accumulator dx)
    {
        Shape x = dx.Tensor.Shape;
        return new("subsample", IsHalf(dy) ? "subsample_backward_bf16" : "subsample_backward", PixelQuads(dx.Adds ? dy : dx.Tensor), Threads(256),
            dy, dx.Tensor, x.N, x.H, x.W, x.C, dy.Shape.H, dy.Shape.W, stride, dx.Adds ? stride : 1, dx.Adds, Argument.Address(dx.Gate));
    }

    /// <summary>Four channels of a pixel per thread.</summary>
    private static Extent PixelQuads(Tensor x, int block = 256) => RowQuads(Pixels(x), x.Shape.C, block);

    private static Argument Window(ConvGeometry g) => Argument.Of(new WindowArgument(g.Kernel, g.Stride, g.Padding));

    /// <summary>The struct Window of max_pool.cu.</summary>
    private readonly record struct WindowArgument(int Kernel, int Stride, int Padding);
}
