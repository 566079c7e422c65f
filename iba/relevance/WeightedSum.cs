using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Ops;
using Iba.Engine.Tensors;

namespace Iba.Relevance;

/// <summary>
/// The linear map of a convolution or a linear layer, without bias. It can be applied with other weights or inputs, transposed, or
/// correlated with its input.
/// </summary>
/// <param name="Line">The line on the tape, recorded without residual and ReLU.</param>
internal readonly record struct WeightedSum(Value Line)
{
    /// <summary>The input.</summary>
    public Value X => Line[0];

    /// <summary>The weights: (K, R, S, C) or (K, C).</summary>
    public Value W => Line[1];

    /// <summary>The line's linear map, or null if it computes something else.</summary>
    /// <exception cref="NotSupportedException">It was recorded fused with what follows it.</exception>
    public static WeightedSum? Of(Value line) => line.Op switch
    {
        Convolution { Residual: false, Relu: false } or Linear { Relu: false } => new WeightedSum(line),
        Convolution or Linear => throw new NotSupportedException(
            $"{line.Op}: the rule needs the network in parts; record it with fused: false."),
        _ => null,
    };

    /// <summary>z = w applied to x.</summary>
    public void Apply(IBackend on, Tensor x, Tensor w, Tensor z)
    {
        if (Line.Op is Convolution convolution)
            on.Convolution(x, w, null, null, relu: false, convolution.Geometry, z);
        else
            on.Linear(x, w, null, relu: false, z);
    }

    /// <summary>x += w transposed, applied to z.</summary>
    public void Transpose(IBackend on, Tensor z, Tensor w, Accumulator x)
    {
        if (Line.Op is Convolution convolution)
            on.ConvolutionBackwardData(z, w, convolution.Geometry, x);
        else
            on.LinearBackwardData(z, w, x);
    }

    /// <summary>w += the correlation of x and z: the sum of every input times every element of z that it contributes to.</summary>
    public void Correlate(IBackend on, Tensor z, Accumulator w)
    {
        if (Line.Op is Convolution convolution)
            on.ConvolutionBackwardWeights(X, z, convolution.Geometry, w);
        else
            on.LinearBackwardWeights(X, z, w);
    }
}
