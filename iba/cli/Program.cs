Console.WriteLine("iba");
