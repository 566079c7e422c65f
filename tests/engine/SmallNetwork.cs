using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Ops;
using Iba.Engine.Tensors;

namespace Tests.Engine;

/// <summary>
/// A network with everything that makes a tape difficult, behind a bottleneck: fan-out, residual joins with and without a ReLU behind
/// them, fused and separate ReLUs, a pooling between, variables at both ends.
/// </summary>
internal sealed class SmallNetwork : IDisposable
{
    private const int Copies = 2;
    private const int Classes = 10;
    private const int Channels = 20;

    private readonly IBackend _backend;
    private readonly Random _random = new(3);
    private readonly List<Tensor> _leaves = [];
    private readonly Tensor _step;

    /// <param name="backend">Where it runs.</param>
    /// <param name="images">Seeds of the images in the batch: equal seeds are equal images.</param>
    /// <param name="weightsAreVariables">Whether the weights take gradients too.</param>
    public SmallNetwork(IBackend backend, int[] images, bool weightsAreVariables = false)
    {
        (_backend, Tape) = (backend, new Tape(backend));
        var shape = new Shape(images.Length, 13, 11, Channels);
        Shape one = shape.WithN(1);
        Value Weights(string name, params int[] dims) =>
            weightsAreVariables ? Tape.Variable(Random(0.3f, new Shape(dims)), name) : Tape.Constant(Random(0.3f, new Shape(dims)), name);

        _step = backend.Allocate(new Shape(1));
        Value w1 = Weights("w1", 24, 3, 3, Channels), b1 = Weights("b1", 24);
        Value w2 = Weights("w2", 24, 3, 3, 24), w3 = Weights("w3", 24, 1, 1, 24);
        Value w4 = Weights("w4", Classes, 24), b4 = Weights("b4", Classes);
        Value mean = Tape.Constant(Random(1, one), "mean"), std = Tape.Constant(Random(1, one, 1.5f), "std");
        Value active = Tape.Constant(Random(0, one, 1), "active");
        Value x = Tape.Constant(PerImage(images, shape, 1), "x"), r = Tape.Constant(PerImage(images, shape, 2), "r");
        Value taps = Tape.Constant(Leaf(new Shape(5), GaussianTaps.Of(1)), "taps");
        Value words = Tape.Constant(Leaf(new Shape(images.Length), [.. images.Select(seed => (float)seed)]), "images");
        float[] classes = [.. images.SelectMany(seed => Enumerable.Repeat((float)(seed % Classes), Copies))];
        Value targets = Tape.Constant(Leaf(new Shape(classes.Length), classes), "targets");

        α = Tape.Variable(PerImage(images, shape, 3), "α");
        Value λ = α.Sigmoid().Blur(taps);
        Value information = r.Information(λ, active).MeanRows();
        Value z = x.Restrict(λ, (mean, std, active), words, Tape.Constant(_step, "step"), new Restrict(Copies, 9, true, false));

        Value stem = z.Convolution(w1, new ConvGeometry(3, 2, 1), b1, relu: true);
        Value block = stem.Convolution(w2, new ConvGeometry(3, 1, 1), residual: stem, relu: true);
        Value parts = block.Convolution(w3, new ConvGeometry(1)) + block;
        Value joined = parts.Relu() + stem;
        Value pooled = joined.MaxPool(new ConvGeometry(3, 2, 1));
        Logits = pooled.AdaptiveAveragePool(1, 1).Linear(w4, b4);
        RowLosses = Logits.CrossEntropy(targets);
        Loss = RowLosses.MeanRuns(images.Length).Sum() + information.Sum() * 0.1f;
    }

    public Tape Tape { get; }

    public Value α { get; }

    public Value Logits { get; }

    public Value RowLosses { get; }

    public Value Loss { get; }

    /// <summary>Every variable.</summary>
    public IEnumerable<Value> Variables => Tape.Where(line => line.Op is null && line.WantsGradient);

    public Gradients Run()
    {
        Tape.Forward();
        return Tape.Backward(Loss);
    }

    public float[] Read(Tensor x) => _backend.Read(x);

    public void Dispose()
    {
        Tape.Dispose();
        _leaves.ForEach(leaf => leaf.Storage.Dispose());
        _step.Storage.Dispose();
    }

    private Tensor PerImage(int[] images, Shape shape, int what)
    {
        float[] numbers = [.. images.SelectMany(seed =>
        {
            var random = new Random(seed * 10 + what);
            return Enumerable.Range(0, shape.Row).Select(_ => 4 * random.NextSingle() - 1);
        })];
        return Leaf(shape, numbers);
    }

    private Tensor Random(float spread, Shape shape, float centre = 0) =>
        Leaf(shape, [.. Enumerable.Range(0, shape.Count).Select(_ => centre + spread * (2 * _random.NextSingle() - 1))]);

    private Tensor Leaf(Shape shape, float[] numbers)
    {
        _leaves.Add(_backend.Tensor(shape, numbers));
        return _leaves[^1];
    }
}
