using Iba.Engine.Tensors;

namespace Iba.Engine.Backends.Cuda.Plans;

/// <summary>Which of a convolution's three sums is computed.</summary>
internal enum Direction
{
    /// <summary>y from x and w.</summary>
    Forward,

    /// <summary>dx from dy and w.</summary>
    BackwardData,

    /// <summary>dw from x and dy.</summary>
    BackwardWeights,
}

/// <summary>
/// One convolution with what follows it: everything that determines which engines can compute it, and nothing else. x is (N, H, W, C), y
/// (N, P, Q, K). The operations after the sum are, in this order: addend, bias, ReLU in the forward direction; addend, gate in the backward
/// one.
/// </summary>
/// <param name="Direction">Which sum.</param>
/// <param name="N">Images.</param>
/// <param name="H">Rows of x.</param>
/// <param name="W">Columns of x.</param>
/// <param name="C">Channels of x.</param>
/// <param name="K">Channels of y.</param>
/// <param name="Geometry">Kernel size, stride and padding.</param>
/// <param name="Precision">The precision of the factors.</param>
internal readonly record struct ConvolutionUnit(Direction Direction, int N, int H, int W, int C, int K, ConvGeometry Geometry, Precision Precision)
{
    /// <summary>The unit of these tensors, without a ReLU.</summary>
    public static ConvolutionUnit Of(Direction direction, in Operands operands, ConvGeometry geometry, Precision precision)
    {
        Shape x = operands.X.Shape;
        return new ConvolutionUnit(direction, x.N, x.H, x.W, x.C, operands.W.Shape.N, geometry, precision)
        {
            Bias = operands.Bias is not null,
            Addend = operands.Addend is not null,
            Gate = operands.Gate is not null,
            Halves = operands.X.Element == Element.BFloat16,
        };
    }

    /// <summary>Whether a bias (K) is added.</summary>
    public bool Bias { get; init; }

    /// <summary>Whether a tensor of the result's shape is added: a residual, or the gradient's earlier terms.</summary>
    public bool Addend { get; init; }

    /// <summary>Whether the unit ends in a ReLU.</summary>
    public bool Relu { get; init; }

    /// <summary>Whether the finished gradient is set to 0 where the output of an earlier ReLU is 0.</summary>
    public bool Gate { get; init; }

    /// <summary>Whether x, y, addend and gate are bfloat16 in memory, and not the factors alone.</summary>
    public bool Halves { get; init; }

    /// <summary>The alignment of every address in bytes: 16, or an element's size for views at any offset.</summary>
    public int Alignment { get; init; } = 16;

    /// <summary>Rows of y.</summary>
    public int P => Geometry.Output(H);

    /// <summary>Columns of y.</summary>
    public int Q => Geometry.Output(W);

    /// <summary>Whether nothing follows the sum.</summary>
    public bool IsPlain => !Bias && !Addend && !Relu && !Gate;

    /// <summary>
    /// Whether it is a data gradient that is drawn as a forward convolution: of dy, with weights whose rows and columns are reversed and whose channels
    /// are exchanged. Engines for forward convolutions with something after them exist in every version of cuDNN and for every type.
    /// </summary>
    public bool IsTurned => Direction == Direction.BackwardData && Geometry.Stride == 1 && Geometry.Padding < Geometry.Kernel;

    /// <summary>The unit as it is drawn.</summary>
    public ConvolutionUnit Drawn => !IsTurned ? this : this with
    {
        Direction = Direction.Forward,
        H = P,
        W = Q,
        C = K,
        K = C,
        Geometry = Geometry with { Padding = Geometry.Kernel - 1 - Geometry.Padding },
    };

    /// <summary>Bytes of an element of the result.</summary>
    public int ResultBytes => Halves ? sizeof(ushort) : sizeof(float);

    /// <summary>The sum alone.</summary>
    public ConvolutionUnit Plain => this with { Bias = false, Addend = false, Relu = false, Gate = false };

    /// <summary>Which of the three tensors is the result.</summary>
    public Role Result => Direction switch { Direction.Forward => Role.Y, Direction.BackwardData => Role.X, _ => Role.W };

    /// <summary>Elements of the result.</summary>
    public long ResultCount => Direction switch
    {
        Direction.Forward => (long)N * P * Q * K,
        Direction.BackwardData => (long)N * H * W * C,
        _ => (long)K * Geometry.Kernel * Geometry.Kernel * C,
    };

    /// <summary>The unit as text that identifies it: two units are equal exactly if their texts are.</summary>
    public override string ToString() =>
        $"{Direction switch { Direction.Forward => "forward", Direction.BackwardData => "data gradient", _ => "weight gradient" }} "
        + $"{N}x{H}x{W}x{C} -> {K}, {Geometry.Kernel}x{Geometry.Kernel}, stride {Geometry.Stride}, padding {Geometry.Padding}"
        + (Addend ? ", + addend" : "") + (Bias ? ", + bias" : "") + (Relu ? ", relu" : "") + (Gate ? ", gate" : "")
        + (Halves ? ", bf16 tensors" : "") + $", {Precision.Word()}, {Alignment}-byte aligned";
}

/// <summary>The tensors of a unit. The result is y forward, x for the data gradient, w for the weight gradient.</summary>
internal readonly record struct Operands(Tensor X, Tensor W, Tensor Y, Tensor? Bias = null, Tensor? Addend = null, Tensor? Gate = null)
{
    /// <summary>The tensor that a direction writes.</summary>
    public Tensor Result(Direction direction) => direction switch { Direction.Forward => Y, Direction.BackwardData => X, _ => W };
}
