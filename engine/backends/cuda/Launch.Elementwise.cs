using System.Text.RegularExpressions;
using Iba.Engine.Tensors;

namespace Iba.Engine.Backends.Cuda;

internal readonly partial struct Launch
{
    public static Launch Fill(Tensor x, float value) => Each("elementwise", "fill_forward", x, value, x, x.Shape.Count);

    public static Launch Copy(Tensor from, Tensor to) => Each("elementwise", "copy_forward", to, from, to, to.Shape.Count);

    public static Launch Map<F>(F f, Tensor x, Tensor y) where F : struct, IUnary =>
        Each(Stem<F>.Name, IsHalf(x) ? "relu_forward_bf16" : Stem<F>.Forward, x, Argument.Of(f), x, y, x.Shape.Count);

    public static Launch MapBackward<F>(F f, Tensor x, Tensor y, Tensor dy, Accumulator dx) where F : struct, IUnary =>
        Each(Stem<F>.Name, Stem<F>.Backward, x, Argument.Of(f), x, y, dy, dx.Tensor, x.Shape.Count, dx.Adds);

    public static Launch Add(Tensor a, Tensor b, Tensor y) => Each("elementwise", "add_forward", y, a, b, y, y.Shape.Count);

    public static Launch Multiply(Tensor a, Tensor b, Tensor y) => Each("elementwise", "multiply_forward", y, a, b, y, y.Shape.Count);

    public static Launch MultiplyBackward(Tensor dy, Tensor other, Accumulator dx) =>
        Each("elementwise", "multiply_backward", dy, dy, other, dx.Tensor, dy.Shape.Count, dx.Adds);

    public static Launch Accumulate(Tensor dy, Accumulator dx) =>
        Each("elementwise", IsHalf(dy) ? "accumulate_backward_bf16" : "accumulate_backward", dy, dy, dx.Tensor, dy.Shape.Count, dx.Adds);

    public static Launch Gate(Tensor y, Tensor dy) => Each("elementwise", IsHalf(y) ? "gate_backward_bf16" : "gate_backward", y, y, dy, y.Shape.Count);

    /// <summary>Rounds x to bfloat16, 0 where the gate is at most 0.</summary>
    /// <param name="x">float32 elements.</param>
    /// <param name="gate">The output of a ReLU, with equal element count, or null.</param>
    /// <param name="y">The address of equally many 16-bit elements.</param>
    public static Launch ToBf16(Tensor x, Tensor? gate, nint y) =>
        Each("precision", "float_to_bf16", x, x, Argument.Address(gate), y, x.Shape.Count);

    /// <summary>Adds the term of a gradient that was computed in bfloat16. Supports the gate.</summary>
    public static Launch FromBf16(nint x, Accumulator y) =>
        Each("precision", "bf16_to_float", y.Tensor, x, y.Tensor, y.Tensor.Shape.Count, y.Adds, Argument.Address(y.Gate));

    public static Launch Convert(Tensor x, Tensor y, bool adds) =>
        new("precision", IsHalf(y) ? "convert_to_bf16" : "convert_to_float", RowQuads(Pixels(y), y.Shape.C), Threads(256),
            x, y, Pixels(y), x.Shape.C, y.Shape.C, adds);

    /// <summary>A copy of weights (K, R, R, C) with as many channels as y has, turned to (channels, R, R, K) if requested: see weights.cu.</summary>
    public static Launch Arrange(Tensor w, Tensor y, bool turned) =>
        new("weights", IsHalf(y) ? "arrange_bf16" : "arrange_float", Blocks(y.Shape.Count, 256), Threads(256),
            w, y, w.Shape.N, w.Shape.H, w.Shape.C, turned ? y.Shape.N : y.Shape.C, turned);

    public static Launch Ratio(Tensor a, Tensor b, float epsilon, Tensor y) => Each("lrp", "ratio_forward", y, a, b, epsilon, y, y.Shape.Count);

    private static bool IsHalf(Tensor x) => x.Element == Element.BFloat16;

    /// <summary>A kernel with four neighbouring elements per thread.</summary>
    private static Launch Each(string file, string kernel, Tensor like, params ReadOnlySpan<Argument> arguments) =>
        new(file, kernel, Quads(like.Shape.Count), Threads(256), arguments);

    /// <summary>The stem of a function's kernel names: the struct's name in snake case.</summary>
    private static class Stem<F>
    {
        public static readonly string Name = Capital().Replace(typeof(F).Name, "_$0").ToLowerInvariant();
        public static readonly string Forward = Name + "_forward";
        public static readonly string Backward = Name + "_backward";
    }

    [GeneratedRegex("(?<!^)[A-Z]")]
    private static partial Regex Capital();
}
