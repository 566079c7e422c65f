#:project ../engine/Engine.csproj
#:property RestorePackagesWithLockFile=false
#:property PublishAot=false
#:property RunAnalyzers=false

// Which line made it NaN, and which input? Run it with: dotnet run --configuration Release samples/find-the-nan.cs
using System.Diagnostics;
using Iba.Engine.Autograd;
using Iba.Engine.Backends.Cpu;
using Iba.Engine.Ops;
using Iba.Engine.Tensors;

using var backend = new CpuBackend();
Tensor x = backend.Allocate(new Shape(1, 3)), w = backend.Allocate(new Shape(2, 3));
backend.Upload([1, 2, 3], x);
backend.Upload([1, float.NaN, 0, 0, 0, 1], w);

using var tape = new Tape(backend) { Watch = new FiniteCheck() };   // IBA_CHECK=1 puts one on every tape
Value y = tape.Variable(x, "x").Linear(tape.Constant(w, "weight")).Named("layer");
y.Sum();
try
{
    tape.Forward();
    throw new UnreachableException("nothing was found");
}
catch (NonFiniteLineException found) when (found.Line.Causes.Single().Name == "weight")
{
    Console.WriteLine(found.Line);
}
