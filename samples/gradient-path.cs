#:project ../engine/Engine.csproj
#:project ../iba/Iba.csproj
#:project ../weights/Weights.csproj
#:property RestorePackagesWithLockFile=false
#:property PublishAot=false
#:property RunAnalyzers=false

// Where does the gradient of a decision get lost? Run it with: dotnet run --configuration Release samples/gradient-path.cs
using System.Diagnostics;
using Iba.Engine.Backends.Cpu;
using Iba.Engine.Diagnostics;
using Iba.Engine.Networks;
using Iba.Engine.Tensors;
using Iba.Images;
using Iba.Paths;
using Iba.Weights;

string folder = Directory.CreateTempSubdirectory("iba-sample").FullName;
using var backend = new CpuBackend();
using StateDict weights = StateDict.Open(Demo.Extract(Demo.Weights("demo-resnet50"), folder));
Network network = NetworkBuilder.Build(weights, backend);
NetworkInput photo = Preprocessing.ImageNet.Apply(PhotoFile.Read(Demo.Extract(Demo.Sample, folder)));

using var score = new RecordedScore(network, new Shape(1, 224, 224, 3), photo.Values);
var path = GradientPath.Of(score.Tape, score.Score, new GradientPathSettings { Layers = score.Layers, Repeats = 3 });
foreach (PathLayer layer in path.Layers.Reverse())
    Console.WriteLine($"{layer.Name,-10} norm of the gradient {layer.Norm,9:G4}, passed on {layer.Passed,7:0.000}");
Console.WriteLine($"{path.LargestLoss!.Name} loses most of it; class {score.Target}, p = {score.Probability:0.000}");

// A notebook's cell can assert on it.
if (path.FirstNonFinite is { } broken)
    throw new UnreachableException($"{broken}");
if (path["fc"].Activation!.Norm <= 0)
    throw new UnreachableException("the logits are 0");
Directory.Delete(folder, recursive: true);
