using CsCheck;
using Iba.Engine.Backends;
using Iba.Engine.Tensors;
using Tests.Textbook;

namespace Tests.Engine;

/// <summary>A convolution with random operands, and the results of its verbs on a backend.</summary>
public sealed record ConvolutionCase(ConvGeometry Geometry, Shape X, int K, bool Bias, bool Residual, bool Relu, bool Adds, bool Gate, int Seed)
{
    public Shape W => new(K, Geometry.Kernel, Geometry.Kernel, X.C);

    public Shape Y => Geometry.Output(X, K);

    /// <summary>
    /// Every kernel to 7, stride to 4 and padding to the kernel's own size; channels from 1 to beyond two panels of the widest registers,
    /// mostly not multiples of a register; images as small as the kernel, and larger ones.
    /// </summary>
    public static Gen<ConvolutionCase> Any { get; } =
        from kernel in Gen.Int[1, 7]
        from stride in Gen.Int[1, 4]
        from padding in Gen.Int[0, kernel]
        let least = Math.Max(1, kernel - 2 * padding)
        from n in Gen.Int[1, 4]
        from h in Gen.Int[least, least + 9]
        from w in Gen.Int[least, least + 9]
        from c in Gen.Int[1, 70]
        from k in Gen.Int[1, 140]
        from flags in Gen.Bool.Array[5]
        from seed in Gen.Int[0, int.MaxValue]
        select new ConvolutionCase(
            new(kernel, stride, padding), new Shape(n, h, w, Math.Max(1, c / kernel)), Math.Max(1, k / kernel),
            flags[0], flags[1], flags[2], flags[3], flags[4], seed);

    /// <summary>Those whose padding is narrower than the kernel.</summary>
    public static Gen<ConvolutionCase> OfLibraries { get; } = Any.Where(c => c.Geometry.Padding < c.Geometry.Kernel);

    /// <summary>Shapes of the networks, which reach the second chunk of the reduction and many tiles.</summary>
    public static IEnumerable<ConvolutionCase> OfNetworks =>
    [
        new(new(1), new(2, 7, 7, 512), 192, true, true, true, true, true, 1),
        new(new(3, 1, 1), new(3, 7, 7, 144), 200, true, false, true, false, true, 2),
        new(new(3, 2, 1), new(2, 14, 14, 96), 96, true, false, true, true, false, 3),
        new(new(1, 2), new(2, 14, 13, 100), 130, true, false, false, true, true, 4),
        new(new(7, 2, 3), new(2, 32, 30, 3), 64, true, false, true, false, false, 5),
        new(new(3, 1, 1), new(2, 14, 14, 48), 64, true, true, true, true, true, 6),
    ];

    /// <summary>
    /// The typical size of the values, of the data's and of the weights' gradient: a sum of n products of such elements has standard deviation
    /// root(n) / 3. Where there are few results and their terms cancel, errors must be measured relative to this and not to the results.
    /// </summary>
    public (double Values, double DataGradient, double WeightGradient) Typical =>
        (Math.Sqrt(W.Row) / 3, Math.Sqrt(W.Count / X.C) / 3, Math.Sqrt(Y.Count / K) / 3);

    /// <summary>Random values between -1 and 1, the same for the same case.</summary>
    public Exact Numbers(Shape shape, int salt) => Draws.Of(HashCode.Combine(Seed, salt), shape);

    public Exact XNumbers => Numbers(X, 1);

    public Exact WNumbers => Numbers(W, 2);

    public Exact DyNumbers => Numbers(Y, 3);

    public Exact? BiasNumbers => Bias ? Numbers(new Shape(K), 4) : null;

    public Exact? ResidualNumbers => Residual ? Numbers(Y, 5) : null;

    /// <summary>y.</summary>
    public float[] Forward(TestTensors on) => Forward(on, XNumbers, ResidualNumbers);

    /// <summary>y of other images.</summary>
    public float[] Forward(TestTensors on, Exact x, Exact? residual)
    {
        Tensor y = on.Empty(Geometry.Output(x.Shape, K));
        on.Backend.Convolution(on.Upload(x), on.Upload(WNumbers), on.UploadIfAny(BiasNumbers), on.UploadIfAny(residual), Relu, Geometry, y);
        return on.Download(y);
    }

    /// <summary>dx; its contents before are <see cref="Earlier"/>, the gate <see cref="GateNumbers"/>.</summary>
    public float[] BackwardData(TestTensors on)
    {
        Tensor dx = on.Upload(Earlier(X));
        on.Backend.ConvolutionBackwardData(
            on.Upload(DyNumbers), on.Upload(WNumbers), Geometry, new Accumulator(dx, Adds, Gate ? on.Upload(GateNumbers) : null));
        return on.Download(dx);
    }

    /// <summary>dw.</summary>
    public float[] BackwardWeights(TestTensors on)
    {
        Tensor dw = on.Upload(Earlier(W));
        on.Backend.ConvolutionBackwardWeights(on.Upload(XNumbers), on.Upload(DyNumbers), Geometry, new Accumulator(dw, Adds));
        return on.Download(dw);
    }

    /// <summary>The earlier term of a gradient; NaN, which must be overwritten, where nothing was added yet.</summary>
    public Exact Earlier(Shape shape) => Adds ? Numbers(shape, 6) : new Exact(shape).Like(_ => float.NaN);

    /// <summary>A ReLU's output: about half of it 0.</summary>
    public Exact GateNumbers => new(X, [.. Numbers(X, 7).Numbers.Select(number => Math.Max(number, 0))]);

    /// <summary>The textbook's gradient with the earlier term and the gate.</summary>
    public Exact Finished(Exact gradient, bool gated)
    {
        Exact earlier = Earlier(gradient.Shape), gate = GateNumbers;
        return gradient.Like(i => gated && Gate && !(gate[i] > 0) ? 0 : gradient[i] + (Adds ? earlier[i] : 0));
    }
}
