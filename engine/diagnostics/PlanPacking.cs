using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Backends.Cuda;
using Iba.Engine.Networks;
using Iba.Engine.Tensors;

namespace Iba.Engine.Diagnostics;

/// <summary>A network as <see cref="PlanPacker"/> draws it, to build its plans before there is a GPU.</summary>
public static class PlanPacking
{
    private const int Size = 224, Classes = 1000, Hidden = 4096;

    /// <summary>
    /// The convolutions of a network of torchvision's size: of the whole, forward and back to the pixels, and of its part after the bottleneck's usual
    /// layer, whose first gradients have no ReLU before them.
    /// </summary>
    /// <param name="model">The architecture's name.</param>
    /// <exception cref="ArgumentException">There is no such architecture.</exception>
    public static Drawing Of(string model)
    {
        var architecture = Architecture.Named(model);
        return backend =>
        {
            Network network = architecture.Build(backend, new ShapesOnly(backend));
            var pixels = new Shape(1, Size, Size, 3);
            Record(backend, network, pixels);
            using var tape = new Tape(backend);
            Shape features = network.Until(architecture.DefaultLayer).Record(tape.Variable(backend.Allocate(pixels), "images")).Shape;
            Record(backend, network.After(architecture.DefaultLayer), features);
            Dictionary<IStorage, string> names = network.Parameters.ToDictionary(each => each.Data.Storage, each => PlanSurvey.Layer(each.Name));
            return weights => names.GetValueOrDefault(weights, "?");
        };
    }

    private static void Record(IBackend backend, Network network, Shape input)
    {
        using var tape = new Tape(backend);
        Value result = network.Record(tape.Variable(backend.Allocate(input), "images"), rounds: true);
        tape.Plan(result);
        tape.Forward();
        tape.Backward(result);
    }

    /// <summary>Parameters of torchvision's sizes, without numbers.</summary>
    private sealed class ShapesOnly(IBackend backend) : IParameterSource
    {
        public ParameterPair Convolution(ConvolutionSpec wanted) =>
            Pair(wanted.Name, new Shape(wanted.Outputs, wanted.Kernel, wanted.Kernel, wanted.Channels));

        public ParameterPair Linear(string name, Shape input, int outputs) =>
            Pair(name, new Shape(outputs == Classes ? Classes : Hidden, input.Count));

        private ParameterPair Pair(string name, Shape weight) => new(
            new Parameter($"{name}.weight", backend.Allocate(weight)), new Parameter($"{name}.bias", backend.Allocate(new Shape(weight.N))));
    }
}
