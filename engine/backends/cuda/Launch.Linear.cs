using Iba.Engine.Tensors;

namespace Iba.Engine.Backends.Cuda;

/// <summary>The plain matrix products and convolutions, for units that cuBLASLt and cuDNN do not support.</summary>
internal readonly partial struct Launch
{
    /// <summary>Rows and columns of the result that one block computes.</summary>
    private const int TileLines = 64;

    public static Launch Linear(Tensor x, Tensor w, Tensor? bias, bool relu, Tensor y) =>
        Product("linear", "linear_forward", y.Shape.N, w.Shape.N, x, w, Argument.Address(bias), y, y.Shape.N, w.Shape.N, w.Shape.C, relu);

    public static Launch LinearBackwardData(Tensor dy, Tensor w, Accumulator dx) =>
        Product("linear", "linear_backward_data", dy.Shape.N, w.Shape.C,
            dy, w, dx.Tensor, dy.Shape.N, w.Shape.N, w.Shape.C, dx.Adds, Argument.Address(dx.Gate));

    public static Launch LinearBackwardWeights(Tensor x, Tensor dy, Accumulator dw) =>
        Product("linear", "linear_backward_weights", dw.Tensor.Shape.N, dw.Tensor.Shape.C,
            x, dy, dw.Tensor, dy.Shape.N, dw.Tensor.Shape.N, dw.Tensor.Shape.C, dw.Adds);

    public static Launch Convolution(Tensor x, Tensor w, Tensor? bias, Tensor? residual, bool relu, ConvGeometry geometry, Tensor y) =>
        Product("convolution", IsHalf(y) ? "convolution_forward_bf16" : "convolution_forward", Pixels(y), w.Shape.N,
            Images(x.Shape, y.Shape, geometry), x, w, Argument.Address(bias), Argument.Address(residual), y, relu);

    public static Launch ConvolutionBackwardData(Tensor dy, Tensor w, ConvGeometry geometry, Accumulator dx) =>
        Product("convolution", IsHalf(dy) ? "convolution_backward_data_bf16" : "convolution_backward_data", Pixels(dx.Tensor), w.Shape.C,
            Images(dx.Tensor.Shape, dy.Shape, geometry), dy, w, dx.Tensor, dx.Adds, Argument.Address(dx.Gate));

    public static Launch ConvolutionBackwardWeights(Tensor x, Tensor dy, ConvGeometry geometry, Accumulator dw) =>
        Product("convolution", "convolution_backward_weights", dw.Tensor.Shape.N, dw.Tensor.Shape.Row,
            Images(x.Shape, dy.Shape, geometry), x, dy, dw.Tensor, dw.Adds);

    private static Launch Product(string file, string kernel, int rows, int columns, params ReadOnlySpan<Argument> arguments) =>
        new(file, kernel, new Extent((uint)Up(rows, TileLines), (uint)Up(columns, TileLines)), Threads(256), arguments);

    private static int Pixels(Tensor x) => x.Shape.Count / x.Shape.C;

    private static Argument Images(Shape x, Shape y, ConvGeometry g) =>
        Argument.Of(new ImagesArgument(x.N, x.H, x.W, x.C, y.H, y.W, y.C, g.Kernel, g.Stride, g.Padding));

    /// <summary>The struct Images of convolution.cu.</summary>
    private readonly record struct ImagesArgument(int N, int H, int W, int C, int P, int Q, int K, int Kernel, int Stride, int Padding);
}
