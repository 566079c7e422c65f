using System.Buffers.Binary;
using System.Text;
using Iba.Engine.Backends;
using Iba.Engine.Files;
using Iba.Engine.Networks;
using Iba.Engine.Tensors;

namespace Iba.Evaluation;

/// <summary>
/// A network whose last layers have random weights: the cascading randomisation of the sanity check (Adebayo et al. 2018; paper, appendix G.1). The
/// weights are drawn as torchvision initialises its networks. A value depends on the seed, the parameter's name and the index alone, so a layer is the
/// same at every point of the cascade.
/// </summary>
/// <remarks>
/// Convolutions are normal with variance 2 / fan-out, where fan-out is outputs times the kernel's pixels, and have bias 0. A batch norm has weight 1,
/// bias 0, mean 0 and variance 1: folded into its convolution it divides by √(1 + ε). Linear layers are uniform within ±1 / √fan-in, weight and
/// bias, or normal with the architecture's <see cref="Architecture.LinearDeviation"/> and bias 0.
/// </remarks>
public sealed class RandomisedNetwork : IDisposable
{
    /// <summary>ε of PyTorch's batch norms.</summary>
    private const double NormEpsilon = 1e-5;

    private readonly Network _trained;
    private readonly Architecture _architecture;
    private readonly ulong _seed;
    private readonly Dictionary<string, Parameter> _parameters;
    private readonly Dictionary<string, ParameterPair> _made = [];
    private readonly TensorScope _memory;

    /// <param name="trained">The network. Its parameters are shared, and stay the caller's.</param>
    /// <param name="seed">The key of the random weights.</param>
    /// <exception cref="ArgumentException">The network's architecture is not known.</exception>
    public RandomisedNetwork(Network trained, ulong seed = 0)
    {
        _architecture = trained.Architecture ?? throw new ArgumentException(
            $"the architecture of {trained.Name} is not known, so its layers have no initial distribution. Build it with Architecture.Build.", nameof(trained));
        (_trained, _seed, _memory) = (trained, seed, new TensorScope(trained.Backend));
        _parameters = trained.Parameters.ToDictionary(parameter => parameter.Name);
    }

    /// <summary>
    /// The points of the cascade, in its order: the names of all layers that have weights, from the output to the input. A residual block is one
    /// layer; a convolution with a folded batch norm has the norm's name.
    /// </summary>
    public static IReadOnlyList<string> Points(Network network) =>
        [.. network.Layers.Where(layer => layer.Parameters.Any()).Select(layer => layer.Name).Reverse()];

    /// <summary>
    /// The network in which <paramref name="layer"/> and all layers after it are random. Layers before it have the trained parameters, not copies. The
    /// random ones are this object's, which keeps them for its next networks.
    /// </summary>
    /// <exception cref="ArgumentException">No layer has that name.</exception>
    /// <exception cref="DeviceMemoryException">There is no memory for the random weights.</exception>
    public Network From(string layer)
    {
        string first = _trained.Resolve(layer);
        IEnumerable<Layer> layers = _trained.Layers.SkipWhile(each => each.Name != first);
        var source = new Source(this, [.. layers.SelectMany(each => each.Parameters).Select(parameter => parameter.Name)]);
        return new Network(_trained.Name, _trained.Backend, _architecture.Layers(source)) { Architecture = _architecture };
    }

    /// <summary>Frees the random weights: networks that have them cannot run any more.</summary>
    public void Dispose() => _memory.Dispose();

    /// <summary>A tensor with normal values of mean 0. The device makes them, with the same bits on every device.</summary>
    private Tensor Normal(string name, Shape shape, double deviation)
    {
        Tensor tensor = _memory.Allocate(shape), flat = tensor.View(0, new Shape(1, 1, 1, shape.Count));
        using var words = new TensorScope(_trained.Backend);
        Tensor image = words.Allocate(new Shape(1)), step = words.Allocate(new Shape(1));
        _trained.Backend.AddNoise(flat, new Noise(Key(name), image, step), (float)deviation, flat);
        return tensor;
    }

    /// <summary>A tensor with values uniform between -<paramref name="largest"/> and <paramref name="largest"/>.</summary>
    private Tensor Uniform(string name, Shape shape, double largest)
    {
        var random = new SplitMix(Key(name));
        var values = new float[shape.Count];
        for (int i = 0; i < values.Length; i++)
            values[i] = (float)(largest * (2 * random.Uniform((ulong)i) - 1));
        return _memory.Upload(values, shape);
    }

    private ulong Key(string name) => BinaryPrimitives.ReadUInt64LittleEndian(Sha256Hash.Of(Encoding.UTF8.GetBytes($"{_seed} {name}")));

    /// <summary>Gives an architecture random parameters for some names, and the trained ones for all others.</summary>
    private sealed class Source(RandomisedNetwork of, HashSet<string> random) : IParameterSource
    {
        public ParameterPair Convolution(ConvolutionSpec wanted) => Pair(wanted.Name, (weight, bias) =>
        {
            double fanOut = (double)weight.Shape.N * wanted.Kernel * wanted.Kernel, folded = wanted.Norm is null ? 1 : 1 + NormEpsilon;
            return (of.Normal(wanted.Weight, weight.Shape, Math.Sqrt(2 / fanOut / folded)), of._memory.Allocate(bias.Shape));
        });

        public ParameterPair Linear(string name, Shape input, int outputs) => Pair(name, (weight, bias) =>
        {
            if (of._architecture.LinearDeviation is { } deviation)
                return (of.Normal($"{name}.weight", weight.Shape, deviation), of._memory.Allocate(bias.Shape));
            double largest = 1 / Math.Sqrt(weight.Shape.Row);
            return (of.Uniform($"{name}.weight", weight.Shape, largest), of.Uniform($"{name}.bias", bias.Shape, largest));
        });

        private ParameterPair Pair(string name, Func<Tensor, Tensor, (Tensor Weight, Tensor Bias)> make)
        {
            Parameter weight = of._parameters[$"{name}.weight"], bias = of._parameters[$"{name}.bias"];
            if (!random.Contains(weight.Name))
                return new ParameterPair(weight, bias);
            if (!of._made.TryGetValue(name, out ParameterPair? made))
            {
                (Tensor newWeight, Tensor newBias) = make(weight.Data, bias.Data);
                of._made[name] = made = new ParameterPair(weight with { Data = newWeight }, bias with { Data = newBias });
            }
            return made;
        }
    }
}
