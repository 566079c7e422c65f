#:project ../engine/Engine.csproj
#:project ../iba/Iba.csproj
#:project ../weights/Weights.csproj
#:property RestorePackagesWithLockFile=false
#:property PublishAot=false
#:property RunAnalyzers=false

// Guided backpropagation as a rule of one's own, beside the gradient. Run it with: dotnet run --configuration Release samples/guided-rule.cs
using System.Diagnostics;
using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Backends.Cpu;
using Iba.Engine.Diagnostics;
using Iba.Engine.Networks;
using Iba.Engine.Ops;
using Iba.Engine.Tensors;
using Iba.Images;
using Iba.Paths;
using Iba.Weights;

string folder = Directory.CreateTempSubdirectory("iba-sample").FullName;
using var backend = new CpuBackend();
using StateDict weights = StateDict.Open(Demo.Extract(Demo.Weights("demo-vgg16"), folder));
Network network = NetworkBuilder.Build(weights, backend);
NetworkInput photo = Preprocessing.ImageNet.Apply(PhotoFile.Read(Demo.Extract(Demo.Sample, folder)));

using var score = new RecordedScore(network, new Shape(1, 224, 224, 3), photo.Values);
var path = GradientPath.Of(score.Tape, score.Score, new GradientPathSettings { Layers = score.Layers, Rule = new Guided(), Repeats = 1 });
foreach (PathLayer layer in path.Layers.Reverse())
    Console.WriteLine($"{layer.Name,-14} gradient {layer.Norm,9:G4}, guided {layer.RuleNorm,9:G4}, cosine {layer.Cosine,7:0.0000}");
Console.WriteLine($"they part at {(path.Parting ?? throw new UnreachableException("they do not part")).Name}");

// The same as the rule that comes with the program, to the bit.
Gradients known = score.Tape.Backward(score.Score, RuleMap.Parse(["guided"]));
if (!backend.Read(path.RuleGradients![score.Input]).SequenceEqual(backend.Read(known[score.Input])))
    throw new UnreachableException("this rule is another one");
Directory.Delete(folder, recursive: true);

/// <summary>A ReLU passes only positive gradients back, and only where it was active (Springenberg et al. 2014).</summary>
sealed class Guided : BackwardRule
{
    public override bool Backward(IBackend on, Value y, Tensor dy, Gradients d)
    {
        // y.Op tells what the line is; dy may be overwritten. "false" leaves the rest, the gate included, to the op's own derivative.
        if (y.Op!.EndsInRelu)
            on.Map(new Relu(), dy, dy);
        return false;
    }
}
