using Iba;
using Iba.Engine.Autograd;
using Iba.Engine.Backends.Cpu;
using Iba.Engine.Backends.Cpu.Simd;
using Iba.Engine.Networks;
using Iba.Engine.Ops;
using Iba.Engine.Tensors;
using Iba.Methods;

namespace Benchmarks;

/// <summary>What runs a whole network: plain passes of a batch, and the methods that run it on versions of one picture.</summary>
internal static class WholePasses
{
    /// <summary>A forward pass of a batch without gradients.</summary>
    public static Action Forward(FullSizeNetwork network, int batch)
    {
        var run = new Inference(network.Network, FullSizeNetwork.Image.WithN(batch));
        float[] pixels = FullSizeNetwork.Pixels(batch);
        return () => run.Run(pixels);
    }

    /// <summary>A forward and a backward pass of a batch, from one logit of each row to the pixels.</summary>
    public static Action Gradient(FullSizeNetwork network, int batch) => Recorded(network, batch, gradient: true).Run;

    /// <summary>A pass of a batch and its tape, without or with a backward pass from one logit of each row to the pixels.</summary>
    public static (Tape Tape, Action Run) Recorded(FullSizeNetwork network, int batch, bool gradient)
    {
        var tape = new Tape(network.Network.Backend);
        Tensor input = network.Network.Backend.Allocate(FullSizeNetwork.Image.WithN(batch));
        network.Network.Backend.Upload(FullSizeNetwork.Pixels(batch), input);
        if (!gradient)
        {
            tape.Plan(null, network.Network.Record(tape.Constant(input, "pixels")));
            return (tape, tape.Forward);
        }
        Value pixels = tape.Variable(input, "pixels"), logits = network.Network.Record(pixels);
        Tensor seed = network.Network.Backend.Allocate(logits.Shape);
        float[] one = new float[logits.Shape.Count];
        for (int row = 0; row < batch; row++)
            one[row * logits.Shape.C] = 1;
        network.Network.Backend.Upload(one, seed);
        Value score = (logits * tape.Constant(seed, "seed")).Sum();
        tape.Plan(score);
        return (tape, Run);

        void Run()
        {
            tape.Forward();
            _ = tape.Backward(score)[pixels];
        }
    }

    /// <summary>A per-sample attribution with the paper's settings.</summary>
    public static Action Attribution(FullSizeNetwork network)
    {
        var attribution = new WholeAttribution(network);
        return () => attribution.Run();
    }

    /// <summary>A method with its default settings, on one picture.</summary>
    public static Func<Explanation> Method(FullSizeNetwork network, string name)
    {
        MethodKind kind = AttributionMethods.All.Single(kind => kind.Name == name);
        IAttributionMethod method = kind.Create(new MethodInputs(network.Network, FullSizeNetwork.Image) { Statistics = network.Statistics });
        Sample[] samples = [new Sample(FullSizeNetwork.Pixels(1), Target: 0) { Preprocessing = null }];
        return () => method.Attribute(samples).Single();
    }

    /// <summary>Prints the SHA-256 of the maps of some methods: a change of the backend that is only about speed leaves them as they are.</summary>
    public static void PrintHashes(IReadOnlyList<string> methods)
    {
        using var backend = new CpuBackend();
        foreach (string architecture in (string[])["resnet50", "vgg16"])
        {
            var network = new FullSizeNetwork(architecture, backend);
            foreach (string method in methods)
            {
                Heatmap map = Method(network, method)().Heatmap;
                Console.WriteLine($"{Registers.Bits} {architecture} {method} {Sha256OfNumbers.Of(map.Values)[..16]}");
            }
        }
    }
}
